// What scripts add to pages that work without them: charts, live updates, keys and copying.
import { draw } from "./chart.js";
import { keys } from "./keys.js";
import { follow } from "./live.js";
import { copying } from "./copy.js";
import { counting } from "./countdown.js";

draw(document);
keys();
copying();
counting();
follow((changed) => draw(changed));
