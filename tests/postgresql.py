"""A PostgreSQL server of the tests' own, from the binaries of the machine."""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

from models.worker import free_port


class PostgreSQLMissing(Exception):
    """No server binaries here."""


class Cluster:
    """One server on loopback for the whole session; a new database for each test."""

    def __init__(self) -> None:
        homes = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
        found = next((home for home in homes if (home / "initdb").exists()), None)
        if found is None:
            raise PostgreSQLMissing("PostgreSQL is not installed here (Debian: apt-get install postgresql)")
        self._bin = found
        self.template = ""
        """The database that new ones are copies of."""
        self._folder = Path(tempfile.mkdtemp(prefix="parley-pg-"))
        self.port = 0

    def __enter__(self) -> Cluster:
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres")
        data = str(self._folder / "data")
        self._run("initdb", "-D", data, "-U", "parley", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        for last in (False, False, True):
            self.port = free_port()  # which somebody else may take before we do
            options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off -k {self._folder}"
            try:
                self._run("pg_ctl", "-D", data, "-l", str(self._folder / "log"), "-w", "-o", options, "start")
                break
            except subprocess.CalledProcessError:
                if last:
                    raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)

    def new_database(self) -> str:
        name = f"test_{secrets.token_hex(6)}"
        copied = ("--template", self.template) if self.template else ()
        self._run("createdb", *self._reached, *copied, name)
        return f"postgresql+asyncpg://parley@127.0.0.1:{self.port}/{name}"

    def drop(self, url: str) -> None:
        """Hundreds of databases left to the end take half a minute to delete."""
        self._run("dropdb", *self._reached, "--force", url.rpartition("/")[2])

    @property
    def _reached(self) -> tuple[str, ...]:
        return ("-h", "127.0.0.1", "-p", str(self.port), "-U", "parley")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), *arguments]
        if getpass.getuser() == "root":  # the server refuses to run as root
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, capture_output=True, cwd=self._folder)
