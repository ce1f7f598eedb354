#!/usr/bin/env python3
"""Makes the pictures of the README in docs/imagens from the program's real output.

    scripts/pictures.py [path to tomticket-sync]

The terminal is an SVG of what two commands print; the report is a screenshot, for which Chromium must
be on the PATH or named by CHROMIUM. Everything is sent to the simulator. Each picture has at most
200 KB.
"""

import html
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unicodedata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "docs/imagens"
COLUMNS = 92
LINE, CHAR, PAD = 18, 8.4, 16
MOST = 200_000


def program(binary, words, folder, **env):
    """Runs a command as if it were typed; returns what it prints."""
    clean = {"HOME": str(folder), "PATH": os.environ["PATH"], **env}
    done = subprocess.run(["tomticket-sync", *words], executable=binary, cwd=folder, env=clean,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def terminal(binary, folder):
    """The way from an export to a rehearsal, as (text, is a command) lines."""
    shutil.copy(ROOT / "fixtures/clientes.xlsx", folder)
    lines = []
    for command in ["init clientes.xlsx --yes", "run clientes.xlsx --config clientes.toml --sandbox"]:
        code, printed = program(binary, command.split(), folder)
        assert code == 0, printed
        lines.append((f"$ tomticket-sync {command}", True))
        for line in printed.rstrip().split("\n"):
            indent = " " * (len(line) - len(line.lstrip()) + 2)
            wrapped = textwrap.wrap(line, COLUMNS, subsequent_indent=indent, break_long_words=False) or [""]
            lines.extend((part, False) for part in wrapped)
        lines.append(("", False))
    return lines[:-1]


def svg(lines):
    """A dark terminal with these lines."""
    width, height = round(COLUMNS * CHAR + 2 * PAD), len(lines) * LINE + 2 * PAD
    text = []
    for number, (line, is_command) in enumerate(lines, 1):
        look = ' fill="#8ae28a" font-weight="bold"' if is_command else ""
        if not line:
            continue
        line = html.escape(unicodedata.normalize("NFC", line), quote=False)
        text.append(f'<text x="{PAD}" y="{PAD - 4 + number * LINE}"{look}>{line}</text>')
    body = "\n".join(text)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" role="img">\n<style>text{{font:14px "DejaVu Sans Mono",Menlo,Consolas,'
            f'monospace;white-space:pre;fill:#e6e6e6}}text[fill]{{fill:#8ae28a}}</style>\n'
            f'<rect width="{width}" height="{height}" rx="8" fill="#1d2126"/>\n{body}\n</svg>\n')


def report(binary, folder):
    """The report of a night against a simulated account that fails now and then."""
    fixtures = ROOT / "fixtures"
    shutil.copy(fixtures / "exportacao-noturna.csv", folder / "clientes.csv")
    words = ["sandbox", "--customers", str(fixtures / "conta.csv"), "--latency", "60ms..240ms",
             "--fail", "500=6", "--seed", "7"]
    simulator = subprocess.Popen([binary, *words], stdout=subprocess.PIPE, text=True)
    try:
        url = simulator.stdout.readline().strip()
        code, printed = program(binary, ["run", "clientes.csv", "--base-url", url, "--report", "r.html"],
                                folder, TOMTICKET_TOKEN="ensaio")
        assert code in (0, 1), printed
    finally:
        simulator.terminate()
        simulator.wait()
    browser = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert browser, "no Chromium: name it in CHROMIUM"
    picture = folder / "relatorio.png"
    subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                    "--window-size=960,1070", f"--user-data-dir={folder / 'perfil'}",
                    f"--screenshot={picture}", (folder / "r.html").as_uri()],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)
    return picture.read_bytes()


def main():
    binary = str(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/release/tomticket-sync").resolve())
    OUT.mkdir(exist_ok=True)
    pictures = {}
    with tempfile.TemporaryDirectory() as folder:
        pictures["terminal.svg"] = svg(terminal(binary, Path(folder))).encode()
    with tempfile.TemporaryDirectory() as folder:
        pictures["relatorio.png"] = report(binary, Path(folder))
    for name, content in pictures.items():
        assert len(content) <= MOST, f"{name} has {len(content)} bytes"
        (OUT / name).write_bytes(content)
        print(f"{OUT / name}: {len(content)} bytes")


if __name__ == "__main__":
    main()
