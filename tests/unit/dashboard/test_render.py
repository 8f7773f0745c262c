import subprocess
import sys

PROBE = """
import asyncio, sys, threading
import jinja2
from vidobs.dashboard import render

compiled = []

class Watched(jinja2.Environment):
    def compile(self, *given, **named):
        compiled.append(threading.current_thread() is threading.main_thread())
        return super().compile(*given, **named)

jinja2.Environment = Watched

async def turns():
    count = 0
    async def others():
        nonlocal count
        while True:
            await asyncio.sleep(0)
            count += 1
    task = asyncio.create_task(others())
    await render.compile_in_turns()
    task.cancel()
    return count

taken, whole = asyncio.run(turns()), len(compiled)
asyncio.run(asyncio.to_thread(render.Renderer))
print(all(compiled), taken >= whole - 1 > 10, len(compiled) == whole)
"""


def test_templates_are_compiled_where_the_loop_runs_and_others_have_turns():
    """One template at a time, all of them, and none again in the threads that fill them."""
    ran = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, check=False, timeout=60
    )

    assert (ran.stdout.split(), ran.stderr) == (["True", "True", "True"], "")
