// Counts down to the time of every `<time data-until>`, which the server says roughly.

export function counting() {
  setInterval(() => {
    for (const time of document.querySelectorAll("time[data-until]")) {
      const left = Math.max(0, Math.floor((Date.parse(time.dateTime) - Date.now()) / 1000));
      const said = left > 0 ? spoken(left) : "a moment";
      if (time.textContent !== said) time.textContent = said;
    }
  }, 1000);
}

function spoken(seconds) {
  const two = (number) => String(number).padStart(2, "0");
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
  return `${Math.floor(seconds / 86400)} d`;
}
