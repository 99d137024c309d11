"""A real IMAP server on loopback, with one mailbox in a folder of its own (Debian's Dovecot)."""

import imaplib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

USER = "front-desk"
PASSWORD = "letter box 4 tests"

_CONFIGURATION = """
protocols = imap
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
default_internal_user = {owner}
default_login_user = {owner}
default_internal_group = {group}
first_valid_uid = 0
mail_location = maildir:{folder}/mail
mail_uid = {owner}
mail_gid = {group}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/users
}}
userdb {{
  driver = static
  args = uid={owner} gid={group} home={folder}
}}
"""


class Dovecot:
    """The server; `start`, use, `stop`."""

    program = shutil.which("dovecot") or "/usr/sbin/dovecot"

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hub-dovecot-"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def is_there(cls) -> bool:
        """Whether the machine has the program."""
        return Path(cls.program).exists()

    def start(self) -> None:
        """Start it; returns when it answers."""
        me = pwd.getpwuid(os.geteuid())
        owner = "dovecot" if os.geteuid() == 0 else me.pw_name
        group = "dovecot" if os.geteuid() == 0 else str(me.pw_gid)
        self.folder.chmod(0o755)
        (self.folder / "users").write_text(f"{USER}:{PASSWORD}\n")
        mail = self.folder / "mail"
        mail.mkdir()
        if os.geteuid() == 0:
            shutil.chown(mail, owner, group)
            shutil.chown(self.folder, owner, group)
        configuration = self.folder / "dovecot.conf"
        configuration.write_text(
            _CONFIGURATION.format(folder=self.folder, port=self.port, owner=owner, group=group)
        )
        self._process = subprocess.Popen(
            [self.program, "-F", "-c", str(configuration)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                self.client().logout()
                return
            except (OSError, imaplib.IMAP4.error):
                time.sleep(0.1)
        log = self.folder / "dovecot.log"
        raise AssertionError(log.read_text()[-2000:] if log.exists() else "dovecot did not start")

    def stop(self) -> None:
        """Stop it, and remove its folder."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def client(self) -> imaplib.IMAP4:
        """Return a session as the mailbox's owner."""
        client = imaplib.IMAP4("127.0.0.1", self.port, timeout=5)
        client.login(USER, PASSWORD)
        return client

    def put(self, *mails: bytes) -> None:
        """Put mails into the inbox."""
        client = self.client()
        for mail in mails:
            client.append("INBOX", "", imaplib.Time2Internaldate(time.time()), mail)
        client.logout()

    def make_anew(self) -> None:
        """Give the inbox another UIDVALIDITY, as when a server was restored from a backup."""
        client = self.client()
        client.select("INBOX")
        held = [
            client.fetch(n, "(BODY.PEEK[])")[1][0][1]
            for n in client.search(None, "ALL")[1][0].split()
        ]
        client.close()
        client.logout()
        shutil.rmtree(self.folder / "mail" / "cur")
        shutil.rmtree(self.folder / "mail" / "new")
        for one in (self.folder / "mail").glob("dovecot*"):
            one.unlink()
        time.sleep(1.1)  # a UIDVALIDITY is a time in seconds
        self.put(*held)
