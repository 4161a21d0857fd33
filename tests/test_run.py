"""`run` on a port that is taken does nothing else first."""

from __future__ import annotations

import asyncio
import os
import socket
import sys


async def test_a_taken_port_is_told_before_anything_is_started(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "server",
            "run",
            env=os.environ | {"PORT": str(port), "METRICS_PORT": "0", "VAR_DIR": str(tmp_path)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        told, complained = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, told) == (1, b"")
    assert f"PORT {port}" in complained.decode()
    assert not (tmp_path / "pg").exists()
