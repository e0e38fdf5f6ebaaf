"""How the tables of one memory file reach it: transactions, queries, and where damage is noted.

Out of scope: opening connections (`file`, `readers`), what the tables hold (each in its module).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import apsw

from embodied_agent.memory.rows import Damage

#: Opens a connection for a while. The text, such as "read facts", says in errors what failed.
Connected = Callable[[str], AbstractContextManager[apsw.Connection]]


@dataclass(frozen=True, eq=False)
class Access:
    """One memory file, as its tables use it.

    Attributes:
        transaction: opens a transaction for writing. Raises `StoreError` if the file is
            read-only or can't be written.
        query: opens a connection for reading. Raises `StoreError` if the file can't be read.
        damage: is told of damaged rows.
    """

    transaction: Connected
    query: Connected
    damage: Damage
