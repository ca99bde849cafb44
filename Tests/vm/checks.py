"""What a scenario found: a line for each thing that must hold, and a table of them all."""

import sys


class Row:
    def __init__(self, scenario, what, seconds, limit, failure):
        self.scenario = scenario
        self.what = what
        self.seconds = seconds
        self.limit = limit
        self.failure = failure

    def __str__(self):
        time = "" if self.seconds is None else f"{self.seconds:.1f}"
        limit = "" if self.limit is None else str(self.limit)
        result = "ok" if self.failure is None else "FAILED"
        what = self.what.replace("|", "\\|")
        return f"| {self.scenario} | {what} | {time} | {limit} | {result} |"


class Checks:
    """Of one scenario. A failure is noted, and the scenario goes on."""

    def __init__(self, scenario, rows):
        self.scenario = scenario
        self.rows = rows
        self.has_failed = False

    def add(self, what, seconds=None, limit=None, failure=None):
        row = Row(self.scenario, what, seconds, limit, failure)
        self.rows.append(row)
        print(row, file=sys.stderr)
        if failure:
            self.has_failed = True
            print(indented(failure), file=sys.stderr, flush=True)

    def holds(self, what, condition, otherwise=""):
        self.add(what, failure=None if condition else str(otherwise) or "it does not")

    def succeeds(self, what, result):
        """A command's status is 0."""
        self.add(what, result.seconds, failure=None if result.status == 0 else str(result))

    def within(self, what, seconds, limit, otherwise=""):
        """It took no longer than it may; None is for ever."""
        good = seconds is not None and seconds <= limit
        self.add(what, seconds, limit, None if good else str(otherwise) or "it takes too long")

    def took(self, what, seconds):
        """A figure that nothing is promised about."""
        self.add(what, seconds)


def table(rows):
    return "\n".join(["| scenario | what | seconds | at most | |", "|---|---|---|---|---|",
                      *map(str, rows)])


def indented(text):
    return "\n".join("    " + line for line in text.strip().splitlines())
