#!/usr/bin/env python3
"""Measures the program beside a yardstick in the same run, and says which aims are met.

    cargo build --release
    cargo install oha --locked          # the load generator it is compared with
    scripts/bench.py > figures.md       # some ten minutes and 500 MB of $TMPDIR

Prints a Markdown table for docs/performance.md on standard output and its progress on standard error.
Exits 1 when an aim is missed. Needs Python 3.9 and nginx (apt install nginx-light); without oha it uses
`ab` (apt install apache2-utils), which is slower, so that line is then not judged. Makes its own input,
always the same. Everything stays on this machine.

Times are medians of rounds in which the program and its yardstick take turns; a ratio is taken within
a round. Peak memory is what the kernel reports for the finished process (wait4); it includes what this
script had at the time, so values below some 17 MiB cannot be told apart.
"""

import argparse
import contextlib
import datetime
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
COLUMNS = (
    "identificador,tipo_identificador,nome,email,telefone,criarchamados,"
    "id_organizacao,idioma,campo:cidade,campo:plano\n"
)
FIRST = "Ana Bruno Carla Davi Elisa Fábio Gabriela Heitor Inês João".split()
LAST = "Souza Araújo Conceição Brandão Lima Gonçalves Pereira Simões Teixeira Vasconcelos".split()
CITY = "São Paulo,Maceió,Brasília,Belém,Goiânia,Recife,Curitiba,Niterói,Manaus,Santos".split(",")
REPLY = '{"erro":false,"mensagem":"Cliente atualizado com sucesso."}'
TOKEN = "medida0123456789"
IN_FLIGHT = 64
# Counts the records of a CSV file: the yardstick for everything that reads a whole file.
COUNT = "import csv, sys; print(sum(1 for _ in csv.reader(open(sys.argv[1], encoding='utf-8', newline=''))))"


def progress(text):
    print(text, file=sys.stderr, flush=True)


def row(i):
    """One customer: ten columns, about 140 bytes."""
    mail = f"cliente{i:08}@exemplo.com.br"
    return (
        f"{mail},E,{FIRST[i % 10]} {LAST[i // 10 % 10]} da Silva,{mail},"
        f"(00) 9{i % 10000:04}-{i * 7 % 10000:04},sim,ORG-{i % 977:05},pt_BR,"
        f"{CITY[i // 100 % 10]},Plano {i % 7:03}\n"
    )


class Process:
    """A finished process: its seconds and its peak memory in MiB."""

    def __init__(self, command, env=None):
        began = time.monotonic()
        child = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _, status, used = os.wait4(child.pid, 0)
        self.seconds = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            sys.exit(f"exit {child.returncode}: {' '.join(command)}")
        self.peak = used.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)


@contextlib.contextmanager
def nginx(folder):
    """A server that answers every POST with the same JSON; yields its port."""
    program = shutil.which("nginx") or sys.exit("nginx was not found (apt install nginx-light)")
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
    """The program and its yardsticks, each as one call."""

    def __init__(self, options, folder, port):
        self.options, self.folder, self.port = options, folder, port
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TOMTICKET_")},
            "TOMTICKET_TOKEN": TOKEN,
            "XDG_STATE_HOME": self.path("state"),
        }

    def path(self, name):
        return os.path.join(self.folder, name)

    def customers(self, rows):
        path = self.path(f"{rows}.csv")
        if not os.path.exists(path):
            progress(f"writing {rows} customers")
            with open(path, "w", encoding="utf-8") as out:
                out.write(COLUMNS)
                for start in range(0, rows, 5000):
                    out.writelines(row(i) for i in range(start, min(start + 5000, rows)))
        return path

    def check(self, rows):
        return Process([self.options.binary, "check", self.customers(rows), "--quiet", "--no-ledger"], self.env)

    def workbook(self, rows):
        """The same customers as a workbook, as Excel saves one; its texts, in MiB, are told too."""
        path, main = self.path(f"{rows}.xlsx"), "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        texts, lines = {}, []
        with open(self.customers(rows), encoding="utf-8", newline="") as customers:
            for at, line in enumerate(customers, 1):
                known = (texts.setdefault(text, len(texts)) for text in line.strip().split(","))
                cells = (f'<c r="{letter}{at}" t="s"><v>{text}</v></c>' for letter, text in zip("ABCDEFGHIJ", known))
                lines.append(f'<row r="{at}">{"".join(cells)}</row>')
        shared = f'<sst xmlns="{main}">' + "".join(f"<si><t>{text}</t></si>" for text in texts) + "</sst>"
        package = "http://schemas.openxmlformats.org/package/2006/relationships"
        office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

        def relation(kind, target):
            return (f'<Relationships xmlns="{package}"><Relationship Id="r1" Type="{office}/{kind}" '
                    f'Target="{target}"/></Relationships>')

        parts = {
            "[Content_Types].xml": "<Types/>",
            "_rels/.rels": relation("officeDocument", "xl/workbook.xml"),
            "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
                               '<sheet name="Clientes" sheetId="1" r:id="r1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": relation("worksheet", "worksheets/sheet1.xml"),
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{"".join(lines)}</sheetData></worksheet>',
            "xl/sharedStrings.xml": shared,
        }
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in parts.items():
                archive.writestr(name, text)
        return path, len(shared.encode()) / 1024 / 1024

    def count(self, rows):
        return Process([sys.executable, "-c", COUNT, self.customers(rows)])

    def send(self, rows, ledger=None, unchanged=0, url=None, rate="unlimited"):
        """Sends the file and makes sure that every row was accepted or, as expected, unchanged."""
        summary = self.path("summary.json")
        command = [
            self.options.binary, "run", self.customers(rows), "--quiet", "--rate", rate,
            "--base-url", url or f"http://127.0.0.1:{self.port}", "--concurrency", str(IN_FLIGHT),
            "--verify", "0",
            "--summary-json", summary, "--results", self.path("results.csv"), "--rejects", self.path("rejects.csv"),
        ]
        run = Process(command + (["--ledger", ledger] if ledger else ["--no-ledger"]), self.env)
        with open(summary, encoding="utf-8") as text:
            run.summary = json.load(text)
        counts = run.summary["situacoes"]
        if counts["inalterado"] != unchanged or counts["atualizado"] != rows - unchanged:
            sys.exit(f"unexpected outcomes: {counts}")
        return run

    def load_generator(self, requests):
        """As many requests with one constant body of the same size."""
        boundary = "0123456789abcdef0123456789abcdef"
        cells = dict(zip(COLUMNS.strip().split(","), row(0).strip().split(",")))
        with open(self.path("body"), "w", encoding="utf-8", newline="") as out:
            for name, value in cells.items():
                if not name.endswith("identificador"):
                    name = f"campos[{name[6:]}]" if name.startswith("campo:") else name
                    out.write(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n')
            out.write(f"--{boundary}--\r\n")
        url = f"http://127.0.0.1:{self.port}/update_cliente/{TOKEN}/cliente%40exemplo.com.br/E"
        kind = f"multipart/form-data; boundary={boundary}"
        number = ["-n", str(requests), "-c", str(IN_FLIGHT)]
        if self.options.oha:
            return Process([self.options.oha, *number, "--no-tui", "-m", "POST",
                            "-H", f"Content-Type: {kind}", "-D", self.path("body"), url])
        return Process([self.options.ab, *number, "-q", "-k", "-p", self.path("body"), "-T", kind, url])


class Report:
    """The lines of the table; remembers whether an aim was missed."""

    def __init__(self):
        self.lines, self.missed = [], False

    def add(self, what, measured, yardstick="–", ratio="–", aim="–", met=None):
        self.missed |= met is False
        verdict = {True: "yes", False: "**no**", None: "–"}[met]
        self.lines.append([what, measured, yardstick, ratio, aim, verdict])
        progress("  ".join(self.lines[-1]))

    def print(self):
        head = ["what", "measured", "yardstick", "ratio", "aim", "met"]
        for line in [head, ["---"] * len(head), *self.lines]:
            print("| " + " | ".join(line) + " |")


def number(value, digits=0):
    return f"{value:,.{digits}f}".replace(",", " ")


def seconds(runs):
    return statistics.median(run.seconds for run in runs)


def ratio(runs, yardsticks):
    """The median of the ratios round by round."""
    return statistics.median(run.seconds / other.seconds for run, other in zip(runs, yardsticks))


def reading(bench, report, rows, rounds):
    """`check` and a second night, beside Python's csv module counting the same file."""
    checks, counts, nights = [], [], []
    ledger = bench.path("nights.db")
    progress(f"first night of {rows} rows")
    first = bench.send(rows, ledger)
    for turn in range(rounds):
        progress(f"check, count and second night, round {turn + 1} of {rounds}")
        checks.append(bench.check(rows))
        counts.append(bench.count(rows))
        nights.append(bench.send(rows, ledger, unchanged=rows))
    size = sum(os.path.getsize(bench.path(name)) for name in os.listdir(bench.folder) if name.startswith("nights.db"))
    yardstick = f"Python's csv counts them in {number(seconds(counts), 2)} s"
    for what, runs, aim in (("check", checks, 1), ("second night, all unchanged", nights, 8)):
        found = ratio(runs, counts)
        report.add(f"{what}, {number(rows)} rows", f"{number(seconds(runs), 2)} s", yardstick,
                   number(found, 2), f"≤ {aim}", found <= aim)
    peak = max(run.peak for run in [first, *nights])
    report.add(f"peak memory with the ledger, {number(rows)} rows", f"{number(peak, 1)} MiB",
               aim="≤ 40 MiB", met=peak <= 40)
    report.add(f"peak memory of check, {number(rows)} rows", f"{number(max(run.peak for run in checks), 1)} MiB")
    report.add(f"ledger of {number(rows)} customers", f"{number(size / rows)} bytes each")


def engine(bench, report, rows, rounds):
    """Requests a second to nginx, beside a load generator that sends one constant body."""
    kinds = {"load generator": [], "without": [], "with": []}
    bench.customers(rows)
    for turn in range(rounds):
        progress(f"requests to nginx, round {turn + 1} of {rounds}")
        kinds["load generator"].append(bench.load_generator(rows))
        kinds["without"].append(bench.send(rows))
        kinds["with"].append(bench.send(rows, bench.path(f"engine{turn}.db")))
    peer = kinds.pop("load generator")
    name = "oha" if bench.options.oha else "ab"
    for kind, runs in kinds.items():
        found = 1 / ratio(runs, peer)
        aim = {"without": 0.2, "with": 0.1}[kind]
        report.add(f"{number(rows)} rows to nginx, {kind} a ledger", f"{number(rows / seconds(runs))} rows/s",
                   f"{name} sends {number(rows / seconds(peer))} requests/s", number(found, 2),
                   f"≥ {aim} of oha", found >= aim if bench.options.oha else None)


def pace(bench, report, rows):
    """The account's limit in real time, against a simulator that counts in a strict sliding second."""
    progress(f"{rows} rows at 3 requests a second")
    command = [bench.options.binary, "sandbox", "--rate", "3", "--jitter", "0ms..5ms", "--latency", "0ms..5ms"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=bench.env) as server:
        url = server.stdout.readline().strip()
        summary = bench.send(rows, url=url, rate="3").summary
        server.terminate()
    # Between the first and the last of n requests there are n - 1 intervals.
    found = (rows - 1) / summary["duracao_s"]
    refused = summary["limitadas_429"]
    report.add(f"accepted at the account's limit, {number(rows)} rows", f"{number(found, 2)} a second",
               "the simulator accepts 3 a second", f"{refused} times 429", "≥ 2.95", found >= 2.95)


@contextlib.contextmanager
def simulator(bench, customers, rate="unlimited"):
    """The program's simulator with the customers of this file; yields its address."""
    command = [bench.options.binary, "sandbox", "--rate", rate, "--customers", customers]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=bench.env) as server:
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def pull(bench, url, rate="unlimited"):
    command = [bench.options.binary, "pull", "--base-url", url, "--rate", rate, "--concurrency", "16", "--quiet"]
    return Process([*command, "-o", bench.path("before.csv")], bench.env)


def changed(bench, rows):
    """The customers of an account of which one in a hundred has another phone, without `idioma`."""
    paths = bench.path(f"account{rows}.csv"), bench.path(f"export{rows}.csv")
    header = COLUMNS.replace(",idioma", "")
    with open(paths[0], "w", encoding="utf-8") as account, open(paths[1], "w", encoding="utf-8") as export:
        account.write(header)
        export.write(header)
        for i in range(rows):
            line = row(i).replace(",pt_BR,", ",").replace(",sim,", ",true,")
            account.write(line)
            export.write(line if i % 100 else line.replace("(00) 9", "(00) 8"))
    return paths


def snapshot(bench, report, rows, rounds):
    """Reading an account, comparing a file with it, and the night that sends only the differences."""
    account, export = changed(bench, rows)
    with simulator(bench, account) as url:
        read = [pull(bench, url) for _ in range(rounds)]
    report.add(f"pull, {number(rows)} customers, no limit", f"{number(rows / seconds(read))} customers/s")
    peak = max(run.peak for run in read)
    report.add(f"peak memory of pull, {number(rows)} customers", f"{number(peak, 1)} MiB", aim="≤ 40 MiB", met=peak <= 40)
    plain, compared = [], []
    command = [bench.options.binary, "check", export, "--quiet", "--base-url", url]
    for _ in range(rounds):
        plain.append(Process(command, bench.env))
        compared.append(Process([*command, "--snapshot", bench.path("before.csv")], bench.env))
    found = ratio(compared, plain)
    report.add(f"check --snapshot, {number(rows)} rows and customers", f"{number(seconds(compared), 2)} s",
               f"check without it {number(seconds(plain), 2)} s", number(found, 2), "≤ 4", found <= 4)
    report.add(f"peak memory of check --snapshot, {number(rows)} customers",
               f"{number(max(run.peak for run in compared), 1)} MiB")

    rows = rows // 2
    account, export = changed(bench, rows)
    summary = bench.path("summary.json")
    with simulator(bench, account) as url:
        reading = pull(bench, url)
        night = Process([
            bench.options.binary, "run", export, "--quiet", "--rate", "unlimited", "--base-url", url,
            "--snapshot", bench.path("before.csv"), "--ledger", bench.path("first.db"), "--summary-json", summary,
            "--verify", "0",
            "--results", bench.path("results.csv"), "--rejects", bench.path("rejects.csv"),
        ], bench.env)
        with urllib.request.urlopen(f"{url}/_sandbox/contagem") as text:
            counted = json.load(text)
    with open(summary, encoding="utf-8") as text:
        sent = json.load(text)["requisicoes"]
    exact = counted["leituras"] == rows // 50 and sent == rows // 100
    report.add(f"first night of {number(rows)} rows, 1 % different",
               f"{number(counted['leituras'])} reads and {number(sent)} updates",
               f"{number(reading.seconds + night.seconds, 1)} s without a limit",
               aim=f"{number(rows // 50)} and {number(rows // 100)}", met=exact)

    account, _ = changed(bench, 6000)
    with simulator(bench, account, "3") as url:
        progress("120 pages at 3 requests a second")
        paced = pull(bench, url, "3")
    found = 119 / paced.seconds
    report.add("pages read at the account's limit", f"{number(found, 2)} a second", aim="≥ 2.95", met=found >= 2.95)


def workbook(bench, report, rows, rounds):
    """`check` of a workbook, which cannot be read faster than it unpacks."""
    progress(f"a workbook of {rows} rows")
    path, texts = bench.workbook(rows)
    # A child's peak begins with what this script has; the lists of the workbook are gone by now.
    runs = [Process([bench.options.binary, "check", path, "--quiet", "--no-ledger"], bench.env) for _ in range(rounds)]
    took, peak = seconds(runs), peak_of([bench.options.binary, "check", path, "--quiet", "--no-ledger"], bench.env)
    report.add(f"check of a workbook, {number(rows)} rows of 10 columns", f"{number(took, 2)} s", aim="≤ 4 s", met=took <= 4)
    if peak:
        report.add(f"peak memory of that check, with {number(texts, 1)} MiB of texts", f"{number(peak, 1)} MiB",
                   aim="≤ 64 MiB and the texts", met=peak <= 64 + texts)


def peak_of(command, env):
    """The peak memory of a process by its own account, in MiB, looked at until it ends."""
    child, peak = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), 0.0
    while child.poll() is None:
        try:
            with open(f"/proc/{child.pid}/status", encoding="ascii") as status:
                peak = max([peak, *(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))])
        except OSError:
            return None
        time.sleep(0.005)
    return peak


def start(bench, report, rounds):
    bench.customers(10)
    version = [Process([bench.options.binary, "--version"]) for _ in range(rounds)]
    report.add("start: --version", f"{number(seconds(version) * 1e3, 1)} ms")
    check = [bench.check(10) for _ in range(rounds)]
    report.add("start: check of ten rows", f"{number(seconds(check) * 1e3, 1)} ms")
    report.add("binary", f"{number(os.path.getsize(bench.options.binary) / 1e6, 1)} MB")


def machine(binary):
    cpu = platform.processor() or platform.machine()
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as lines:
        cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), cpu)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    commit = subprocess.run(
        ["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    ).stdout.strip()
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return (
        f"Measured {datetime.date.today()}: {version} ({commit}), {cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"load {os.getloadavg()[0]:.1f} at the start, by `scripts/bench.py {' '.join(sys.argv[1:])}`".rstrip("` ") + "`."
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=os.path.join(ROOT, "target", "release", "tomticket-sync"))
    parser.add_argument("--oha", default=shutil.which("oha"), help="path of oha")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of check and of the nights")
    parser.add_argument("--requests", type=int, default=100_000, help="rows sent to nginx")
    parser.add_argument("--pace", type=int, default=300, help="rows sent at the account's limit")
    parser.add_argument("--snapshot", type=int, default=200_000, help="customers of the account that is read")
    parser.add_argument("--workbook", type=int, default=100_000, help="rows of the workbook that is checked")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    options.ab = shutil.which("ab")
    if not os.path.exists(options.binary):
        sys.exit(f"{options.binary} does not exist: cargo build --release")
    if not options.oha and not options.ab:
        sys.exit("neither oha nor ab was found (cargo install oha --locked, or --oha PATH)")
    report = Report()
    with tempfile.TemporaryDirectory() as folder, nginx(folder) as port:
        print(machine(options.binary) + "\n", flush=True)
        bench = Bench(options, folder, port)
        reading(bench, report, options.rows, options.rounds)
        engine(bench, report, options.requests, options.rounds)
        pace(bench, report, options.pace)
        snapshot(bench, report, options.snapshot, options.rounds)
        workbook(bench, report, options.workbook, options.rounds)
        start(bench, report, 11)
    report.print()
    sys.exit(report.missed)


if __name__ == "__main__":
    main()
