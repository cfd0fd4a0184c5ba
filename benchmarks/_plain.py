"""The card that one would write without thinking: Streamlit's own buttons. What the review card is held against."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Error

from benchmarks._browsers import Up
from benchmarks._stack import free_port

_PAGE = """
import os
import streamlit as st
from winnow import Client

slug = os.environ["PLAIN_SLUG"]
if "client" not in st.session_state:
    st.session_state.client = Client(os.environ["PLAIN_API"], api_key=os.environ["PLAIN_KEY"])
    st.session_state.names = [one.name for one in st.session_state.client.project(slug).categories][:9]
    st.session_state.task = st.session_state.client.lease(slug, 1)[0]
client, task = st.session_state.client, st.session_state.task


def decide(name):
    client.decide(slug, task_id=task.task_id, action="correct", categories=[name])
    st.session_state.task = client.lease(slug, 1)[0]


st.markdown(f"<p id='text'>{task.item.text}</p>", unsafe_allow_html=True)
for place, name in enumerate(st.session_state.names, 1):
    st.button(name, shortcut=str(place), on_click=decide, args=(name,))
"""


def plain_card(up: Up, browser: Browser, slug: str, count: int) -> dict[str, Any]:
    """Presses a digit so many times, each time waiting for the next text: from the keystroke to its paint."""
    script, port = up.folder / "plain.py", free_port()
    script.write_text(_PAGE, encoding="utf-8")
    key = (up.folder / "data" / "local.key").read_text().strip()
    told = {"PLAIN_SLUG": slug, "PLAIN_API": f"http://127.0.0.1:{up.api}", "PLAIN_KEY": key}
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    command += ["--server.headless", "true", "--browser.gatherUsageStats", "false"]
    variables = {**up.variables, **told, "PYTHONPATH": str(Path.cwd())}
    with (up.folder / "plain.log").open("wb") as log:
        served = subprocess.Popen(command, env=variables, stdout=log, stderr=log)
    try:
        page = browser.new_page()
        _open(page, f"http://127.0.0.1:{port}/")
        times = []
        for _ in range(count):
            before = page.locator("#text").inner_text()
            start = time.perf_counter()
            page.keyboard.press("1")
            page.wait_for_function("(text) => document.querySelector('#text')?.innerText !== text", arg=before)
            times.append((time.perf_counter() - start) * 1000)
            page.wait_for_timeout(200)
        page.close()
    finally:
        served.terminate()
        served.wait(timeout=30)
    half, most = np.percentile(times, [50, 95])
    return {"presses": count, "painted, ms": {"p50": round(float(half), 1), "p95": round(float(most), 1)}}


def _open(page: Any, url: str) -> None:
    """The server takes a moment to listen."""
    for _ in range(60):
        try:
            page.goto(url)
        except Error:  # nobody listens yet
            time.sleep(0.5)
        else:
            break
    page.locator("#text").wait_for(timeout=60_000)
