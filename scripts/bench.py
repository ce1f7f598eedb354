#!/usr/bin/env python3
"""Whole-process figures: the engine beside other load generators, and how cost grows with rows.

    cargo build --release && scripts/bench.py > figures.md
    scripts/bench.py --pace 600      # the account's limit under jitter instead: some 3.5 minutes

Prints the tables of docs/performance.md in Markdown on standard output, and what it is doing on
standard error. Needs Python 3.9, nginx, and for the comparison oha; `qsv` is compared with where it
is installed. The files are made here, always the same ones; nothing leaves this machine. Takes about
ten minutes and 1.5 GB of disk in $TMPDIR; --most 100000 takes one minute.

CPU and peak memory are what the kernel accounts to the finished process (wait4). This script itself
must stay small, because a child's peak begins with the memory of the process that made it.
"""

import argparse
import contextlib
import datetime
import json
import os
import platform
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COLUMNS = (
    "identificador,tipo_identificador,nome,email,telefone,criarchamados,"
    "id_organizacao,idioma,campo:cidade,campo:plano\n"
)
FIRST = "Ana Bruno Carla Davi Elisa Fábio Gabriela Heitor Inês João".split()
LAST = "Souza Araújo Conceição Brandão Lima Gonçalves Pereira Simões Teixeira Vasconcelos".split()
CITY = "São Paulo,Maceió,Brasília,Belém,Goiânia,Recife,Curitiba,Niterói,Manaus,Santos".split(",")
REPLY = '{"erro":false,"mensagem":"Cliente atualizado com sucesso."}'
IN_FLIGHT = 64
# `qsv validate` on a comparable machine, for where it is not installed.
QSV_MB_PER_S = 140.0


def say(text):
    print(text, file=sys.stderr, flush=True)


def row(i):
    """One customer, with everything as usual: ten columns, about 140 bytes, accents in every line."""
    mail = f"cliente{i:08}@exemplo.com.br"
    return (
        f"{mail},E,{FIRST[i % 10]} {LAST[i // 10 % 10]} da Silva,{mail},"
        f"(00) 9{i % 10000:04}-{i * 7 % 10000:04},sim,ORG-{i % 977:05},pt_BR,"
        f"{CITY[i // 100 % 10]},Plano {i % 7:03}\n"
    )


def write_customers(path, rows):
    with open(path, "w", encoding="utf-8") as out:
        out.write(COLUMNS)
        for start in range(0, rows, 5000):
            out.writelines(row(i) for i in range(start, min(start + 5000, rows)))


class Run:
    """A finished process: seconds, CPU seconds, peak MiB."""

    def __init__(self, command, env=None, codes=(0,), keep=None):
        out = subprocess.DEVNULL if keep is None else open(keep, "wb")
        began = time.monotonic()
        child = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        _, status, used = os.wait4(child.pid, 0)
        self.wall = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if keep is not None:
            out.close()
        if child.returncode not in codes:
            sys.exit(f"exit {child.returncode}: {' '.join(command)}")
        self.cpu = used.ru_utime + used.ru_stime
        self.peak = used.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)


@contextlib.contextmanager
def nginx(folder):
    """A server in another process that answers every POST with one and the same JSON."""
    program = shutil.which("nginx") or sys.exit("nginx was not found; install it (apt install nginx-light)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = os.path.join(folder, "nginx.conf")
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    with open(config, "w", encoding="utf-8") as out:
        out.write(
            f"daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log crit;\n"
            "events { worker_connections 1024; }\n"
            f"http {{ access_log off; {temporary} keepalive_requests 1000000000; keepalive_timeout 60s;\n"
            "  default_type application/json; client_body_buffer_size 16k;\n"
            f"  server {{ listen 127.0.0.1:{port} backlog=1024; location / {{ return 200 '{REPLY}'; }} }} }}\n"
        )
    server = subprocess.Popen([program, "-p", folder, "-c", config], stdin=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        else:
            sys.exit("nginx does not answer")
        yield port
    finally:
        server.terminate()
        server.wait()


class Bench:
    def __init__(self, options, folder, port):
        self.options, self.folder, self.port = options, folder, port
        self.binary = options.binary
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TOMTICKET_")},
            "TOMTICKET_TOKEN": "medida0123456789",
            "XDG_STATE_HOME": os.path.join(folder, "state"),
        }

    def path(self, name):
        return os.path.join(self.folder, name)

    def customers(self, rows):
        path = self.path(f"{rows}.csv")
        if not os.path.exists(path):
            say(f"writing {rows} customers")
            write_customers(path, rows)
        return path

    def check(self, rows):
        return Run([self.binary, "check", self.customers(rows), "--quiet", "--no-ledger"], self.env)

    def send(self, rows, ledger=None):
        """Sends the file as fast as it goes, and makes sure that every row was sent or unchanged."""
        summary = self.path("summary.json")
        command = [
            self.binary, "run", self.customers(rows), "--quiet",
            "--base-url", f"http://127.0.0.1:{self.port}", "--rate", "unlimited",
            "--concurrency", str(IN_FLIGHT), "--summary-json", summary,
            "--results", self.path("results.csv"), "--rejects", self.path("rejects.csv"),
        ]
        run = Run(command + (["--ledger", ledger] if ledger else []), self.env)
        with open(summary, encoding="utf-8") as text:
            counts = json.load(text)["situacoes"]
        if counts["atualizado"] + counts["inalterado"] != rows:
            sys.exit(f"not every row arrived: {counts}")
        run.unchanged = counts["inalterado"]
        return run

    def oha(self, requests):
        """The same number of requests of one fixed body, as long as the rows' own."""
        boundary = "0123456789abcdef0123456789abcdef"
        cells = dict(zip(COLUMNS.strip().split(","), row(0).strip().split(",")))
        body = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in cells.items()
            if not name.endswith("identificador")
        )
        with open(self.path("body"), "w", encoding="utf-8", newline="") as out:
            out.write(body.replace('"campo:cidade"', '"campos[cidade]"').replace('"campo:plano"', '"campos[plano]"'))
            out.write(f"--{boundary}--\r\n")
        return Run([
            self.options.oha, "-n", str(requests), "-c", str(IN_FLIGHT), "--no-tui", "-m", "POST",
            "-H", f"Content-Type: multipart/form-data; boundary={boundary}", "-D", self.path("body"),
            f"http://127.0.0.1:{self.port}/update_cliente/medida0123456789/cliente%40exemplo.com.br/E",
        ])


def machine(binary):
    cpu = platform.processor() or platform.machine()
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as lines:
        cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), cpu)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    commit = subprocess.run(
        ["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    ).stdout.strip()
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    load = os.getloadavg()[0]
    return (
        f"{datetime.date.today()}, {version} ({commit}), {cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}, load {load:.1f} at the start"
    )


def table(title, command, head, lines):
    print(f"\n### {title}\n\n`{command}`\n")
    print("| " + " | ".join(head) + " |")
    print("| " + " | ".join(["---"] + ["---:"] * (len(head) - 1)) + " |")
    for line in lines:
        print("| " + " | ".join(line) + " |")
    sys.stdout.flush()


def number(value, digits=0):
    return f"{value:,.{digits}f}".replace(",", " ")


def spread(values, digits=0):
    low, high = min(values), max(values)
    return f"{number(statistics.median(values), digits)} ({number(low, digits)}–{number(high, digits)})"


def engine(bench, rows, rounds):
    """All of them in turn, so that a machine whose speed drifts drifts for all."""
    kinds = {"without ledger": [], "with ledger, first night": []}
    if bench.options.oha:
        kinds = {"oha, one fixed body": [], **kinds}
    bench.customers(rows)
    for turn in range(rounds):
        say(f"engine, round {turn + 1} of {rounds}")
        for kind, runs in kinds.items():
            ledger = bench.path(f"engine{turn}.db")
            runs.append(
                bench.oha(rows) if kind.startswith("oha")
                else bench.send(rows, ledger if kind.startswith("with ") else None)
            )
    peer = kinds.get("oha, one fixed body")
    lines = []
    for kind, runs in kinds.items():
        ratio = "–"
        if peer and runs is not peer:
            ratio = spread([other.wall / run.wall for run, other in zip(runs, peer)], 2)
        lines.append([
            kind, spread([rows / run.wall for run in runs]), ratio,
            spread([run.cpu / rows * 1e6 for run in runs], 1), number(max(run.peak for run in runs), 1),
        ])
    table(
        f"Engine: {number(rows)} rows of ten columns, {IN_FLIGHT} in flight, nginx on the same machine",
        f"run FILE --rate unlimited --concurrency {IN_FLIGHT} --base-url http://127.0.0.1:PORT [--ledger FILE]",
        ["median of the rounds (least–most)", "rows/s", "of oha, round by round", "CPU µs/row", "peak MiB"], lines,
    )
    return statistics.median(rows / run.wall for run in kinds["without ledger"])


def growth(bench, most):
    lines = []
    for rows in (count for count in (1_000, 10_000, 100_000, 1_000_000, 2_000_000) if count <= most):
        say(f"growth, {rows} rows")
        size = os.path.getsize(bench.customers(rows)) / 1e6
        check, sent = bench.check(rows), bench.send(rows)
        lines.append([
            number(rows), number(size, 1), number(check.wall, 2), number(size / check.wall), number(check.peak, 1),
            number(sent.wall, 2), number(rows / sent.wall), number(sent.cpu / rows * 1e6, 1), number(sent.peak, 1),
        ])
    table(
        "How cost grows, without a ledger", "check FILE; run FILE --rate unlimited",
        ["rows", "MB", "check s", "MB/s", "peak MiB", "run s", "rows/s", "CPU µs/row", "peak MiB"], lines,
    )


def nights(bench, most):
    lines = []
    for rows in (count for count in (1_000, 10_000, 100_000, 1_000_000) if count <= most):
        say(f"nights, {rows} rows")
        ledger = bench.path(f"nights{rows}.db")
        first, second = bench.send(rows, ledger), bench.send(rows, ledger)
        if second.unchanged != rows:
            sys.exit(f"second night: only {second.unchanged} of {rows} unchanged")
        size = os.path.getsize(ledger)
        lines.append([
            number(rows), number(first.wall, 2), number(rows / first.wall), number(first.peak, 1),
            number(second.wall, 2), number(rows / second.wall), number(second.peak, 1), number(size / rows),
        ])
        os.remove(ledger)
    table(
        "Two nights of one file, the second all unchanged", "run FILE --rate unlimited --ledger LEDGER, twice",
        ["rows", "first s", "rows/s", "peak MiB", "second s", "rows/s", "peak MiB", "ledger bytes/customer"], lines,
    )


def check_beside_qsv(bench, rows, rounds):
    path, own, peer = bench.customers(rows), [], []
    for turn in range(rounds):
        say(f"check, round {turn + 1} of {rounds}")
        own.append(bench.check(rows))
        if bench.options.qsv:
            peer.append(Run([bench.options.qsv, "validate", path]))
    size = os.path.getsize(path) / 1e6
    lines = [["check", spread([run.wall for run in own], 2), spread([size / run.wall for run in own]),
              number(max(run.peak for run in own), 1)]]
    if peer:
        lines.append(["qsv validate", spread([run.wall for run in peer], 2), spread([size / run.wall for run in peer]),
                      number(max(run.peak for run in peer), 1)])
    else:
        lines.append([f"qsv validate (not installed; at {QSV_MB_PER_S:.0f} MB/s)",
                      number(size / QSV_MB_PER_S, 2), number(QSV_MB_PER_S), "–"])
    table(f"Preflight alone: {number(rows)} rows, {number(size)} MB", "check FILE",
          ["median (least–most)", "s", "MB/s", "peak MiB"], lines)


def start(bench, rounds):
    ten = bench.customers(10)
    lines = []
    for label, command in (("--version", ["--version"]), ("check of ten rows", ["check", ten, "--no-ledger"])):
        runs = [Run([bench.binary, *command], bench.env) for _ in range(rounds)]
        lines.append([label, spread([run.wall * 1e3 for run in runs], 1), number(max(run.peak for run in runs), 1)])
    table("Start", "--version; check FILE", ["median (least–most)", "ms", "peak MiB"], lines)


# Uniform delay each way in milliseconds, and another client's requests a second.
PACES = [((0, 5), 0), ((5, 20), 0), ((5, 60), 0), ((20, 120), 0), ((5, 20), 1), ((1000, 1000), 0)]


class Neighbour(threading.Thread):
    """Another program that uses the account, as such programs are written: a request, a pause of `every` seconds."""

    def __init__(self, url, every):
        super().__init__(daemon=True)
        self.url, self.every, self.over = url + "/update_cliente/medida/outro/I", every, threading.Event()
        self.codes = []

    def run(self):
        # Here, because a measured child's peak begins with what this script has loaded.
        import urllib.error
        import urllib.request

        body = b'--x\r\nContent-Disposition: form-data; name="nome"\r\n\r\nOutro\r\n--x--\r\n'
        head = {"Content-Type": "multipart/form-data; boundary=x"}
        while not self.over.wait(self.every):
            try:
                with urllib.request.urlopen(urllib.request.Request(self.url, body, head), timeout=10) as reply:
                    self.codes.append(reply.status)
            except urllib.error.HTTPError as refused:
                self.codes.append(refused.code)


def pace_of(bench, name, requests, jitter, other, lines):
    """One run at the account's limit against a simulator that counts in a strict sliding second."""
    delay = f"{jitter[0]}ms..{jitter[1]}ms"
    command = [bench.binary, "sandbox", "--rate", "3", "--jitter", delay, "--latency", delay]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=bench.env) as server:
        url = server.stdout.readline().strip()
        neighbour = Neighbour(url, 1 / other) if other else None
        if neighbour:
            neighbour.start()
        out = {kind: bench.path(f"{name}.{kind}") for kind in ("json", "results", "rejects")}
        Run([bench.binary, "run", bench.customers(requests), "--quiet", "--no-ledger", "--base-url", url,
             "--summary-json", out["json"], "--results", out["results"], "--rejects", out["rejects"]], bench.env)
        if neighbour:
            neighbour.over.set()
            neighbour.join()
        server.terminate()
    with open(out["json"], encoding="utf-8") as text:
        summary = json.load(text)
    codes = neighbour.codes if neighbour else []
    seconds = summary["duracao_s"]
    # Between the first and the last of n there are n - 1 distances.
    accepted = (summary["situacoes"]["atualizado"] - 1) / seconds
    theirs = sum(code == 200 for code in codes) / seconds
    refused, asked = summary["limitadas_429"] + codes.count(429), summary["requisicoes"] + len(codes)
    lines[name] = [
        f"{jitter[0]}–{jitter[1]} ms" + (f", another client taking {other} a second" if other else ""),
        number(accepted, 2), number(accepted + theirs, 2) if other else "–",
        f"{refused} of {asked} ({number(100 * refused / asked, 2)} %)",
    ]


def paces(bench, requests):
    """All cases at once: at 3 requests a second they do not feel one another."""
    bench.customers(requests)
    lines, threads = {}, []
    for at, (jitter, other) in enumerate(PACES):
        threads.append(threading.Thread(target=pace_of, args=(bench, f"pace{at}", requests, jitter, other, lines)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    if len(lines) < len(PACES):
        sys.exit("a run did not end well")
    table(
        f"The account's limit, 3 in any sliding second: {number(requests)} rows each, in real time",
        "sandbox --rate 3 --jitter D --latency D; run FILE --no-ledger --base-url URL",
        ["delay each way, uniform", "accepted/s", "sum/s", "rejected"], [lines[name] for name in sorted(lines)],
    )


def main():
    own = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    own.add_argument("--binary", default=os.path.join(ROOT, "target", "release", "tomticket-sync"))
    own.add_argument("--oha", default=shutil.which("oha"), help="where oha is (cargo install oha --locked)")
    own.add_argument("--qsv", default=shutil.which("qsv") or shutil.which("qsvlite"))
    own.add_argument("--most", type=int, default=2_000_000, help="rows of the largest file")
    own.add_argument("--rounds", type=int, default=5)
    own.add_argument("--pace", type=int, metavar="ROWS", help="only the pace, with so many rows a case")
    options = own.parse_args()
    if not os.path.exists(options.binary):
        sys.exit(f"{options.binary} is not there: cargo build --release")
    if options.pace:
        with tempfile.TemporaryDirectory() as folder:
            print(f"Measured {machine(options.binary)}, by `scripts/bench.py --pace {options.pace}`.")
            paces(Bench(options, folder, None), options.pace)
        return
    if not options.oha:
        say("oha was not found: no comparison (cargo install oha --locked, or --oha PATH)")
    with tempfile.TemporaryDirectory() as folder, nginx(folder) as port:
        bench = Bench(options, folder, port)
        print(f"Measured {machine(options.binary)}, by `scripts/bench.py --most {options.most}`.")
        began = time.monotonic()
        rate = engine(bench, min(100_000, options.most), options.rounds)
        print(f"\nAt 3 requests a second an account needs 1/{number(rate / 3)} of that engine.")
        growth(bench, options.most)
        nights(bench, options.most)
        check_beside_qsv(bench, min(1_000_000, options.most), min(3, options.rounds))
        start(bench, 11)
        least = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"\nPeaks below {least:.0f} MiB cannot be told apart: that is this script's own size. "
              f"All of it took {time.monotonic() - began:.0f} s.")


if __name__ == "__main__":
    main()
