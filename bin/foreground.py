#!/usr/bin/env python3
"""bin/foreground.py COMMAND…: run COMMAND as the terminal's foreground job, so that Ctrl-C reaches it alone.

make dies of the Ctrl-C that the terminal sends to everything in its process group, and so ends with an error even
when the server in it stopped cleanly. In a group of its own the server takes the Ctrl-C, ends with 0, and so does
make. Without a terminal the command is run as it is, in the same process.
"""

import os
import signal
import sys
from types import FrameType


def has_terminal() -> bool:
    """Whether standard input is a terminal and this process group is the one that its Ctrl-C goes to."""
    return os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()


def run_in_foreground(command: list[str]) -> int:
    """Run `command` in a process group of its own with the terminal's foreground; its exit code when it has ended."""
    # Handing the terminal over from a group that no longer has it would otherwise stop this process.
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpgrp())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        # Nothing here could bring it back after a Ctrl-Z.
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        os.execvp(command[0], command)  # noqa: S606 - the command is this project's own

    def forward(number: int, _frame: FrameType | None) -> None:
        os.kill(child, number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, forward)
    _, status = os.waitpid(child, 0)
    os.tcsetpgrp(0, os.getpgrp())
    return os.waitstatus_to_exitcode(status)


def main() -> None:
    """Run the command of the arguments and end as it ended."""
    command = sys.argv[1:]
    if not has_terminal():
        os.execvp(command[0], command)  # noqa: S606 - as above
    code = run_in_foreground(command)
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
