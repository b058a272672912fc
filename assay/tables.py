"""Tables from files: CSV, CSV packed by bzip2, Parquet; read strictly, every column by name."""

from __future__ import annotations

import bz2
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from assay.errors import InputError
from assay.strict import repeated

if TYPE_CHECKING:
    import pandas as pd

MAX_TEXT = 2**31 - 2  # bytes of CSV, unpacked: what one block of the parser can hold
FORMATS = ".csv, .csv.bz2 or .parquet"


def read_table(file: Path) -> pd.DataFrame:
    """The rows of a file; an empty cell is null, and no other text is.

    Raises:
        InputError: `no_data`, `bad_table` or `empty_data`; no cell is repeated.
    """
    if not file.is_file():
        raise InputError("no_data", f"expected a table at {file}, found no such file")
    try:
        table = _read(file)
        names = table.column_names
    except (pa.ArrowException, OSError, EOFError, ValueError) as error:
        # The parser's own words quote cells; only its class is told.
        raise InputError(
            "bad_table",
            f"expected {file.name} to be a readable {FORMATS} file with as many cells in every "
            f"row as in its header, found {type(error).__name__}",
        ) from None
    if twice := repeated(names):
        raise InputError("bad_table", f"expected each column once in {file.name}, found {twice}")
    if not all(name.strip() for name in names):
        raise InputError("bad_table", f"expected every column of {file.name} to have a name")
    if table.num_rows == 0:
        raise InputError("empty_data", f"expected rows in {file.name}, found none")
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    return frame


def _read(file: Path) -> pa.Table:
    name = file.name.lower()
    if name.endswith(".parquet"):
        with file.open("rb") as stream:
            return _plain(pa.parquet.read_table(stream))
    if not name.endswith((".csv", ".csv.bz2")):
        raise InputError("bad_table", f"expected {FORMATS}, found {file.name}")
    with bz2.open(file) if name.endswith(".bz2") else file.open("rb") as stream:
        text = stream.read(MAX_TEXT + 1)
    if len(text) > MAX_TEXT:
        raise InputError("bad_table", f"expected {file.name} below 2 GiB; use Parquet")
    if not text.strip():
        raise InputError("empty_data", f"expected rows in {file.name}, found none")
    return pa.csv.read_csv(
        pa.BufferReader(text),
        # One block: a column's type follows from all of its cells, not from the first ones.
        read_options=pa.csv.ReadOptions(block_size=len(text) + 1),
        convert_options=pa.csv.ConvertOptions(
            null_values=[""],
            strings_can_be_null=True,
            true_values=[],
            false_values=[],
            timestamp_parsers=[],
        ),
    )


def _plain(table: pa.Table) -> pa.Table:
    """Levels that were stored by number, as pandas stores categories, by their names again.

    Raises:
        InputError: `bad_table`, a column holds lists or structures.
    """
    if nested := [field.name for field in table.schema if pa.types.is_nested(field.type)]:
        raise InputError("bad_table", f"expected plain cells, found lists in {', '.join(nested)}")
    fields = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))
