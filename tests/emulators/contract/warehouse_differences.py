"""Where local warehouses differ from BigQuery's documentation; ``docs/bigquery-differences.md`` shows it."""

from __future__ import annotations

from tests.emulators.contract.difference import WAREHOUSES, Cell, Difference, breaks, refuses

DOCS = "https://cloud.google.com/bigquery/docs/"
INSERT_ALL = f"{DOCS}reference/rest/v2/tabledata/insertAll"
JOB = f"{DOCS}reference/rest/v2/Job"
QUERY = f"{DOCS}reference/rest/v2/jobs/query"
SQL = f"{DOCS}reference/standard-sql/"
FUNCTIONS = f"{SQL}functions-all"
MODES = f"{DOCS}schemas#modes"


def known_difference(warehouse: str, rule: str) -> Cell | None:
    """Return what is known of a rule, by its name with underscores or spaces, in a warehouse."""
    name = rule.replace("_", " ")
    return next((difference.cell(warehouse) for difference in (*ASKED, *DOCUMENTED) if difference.rule == name), None)


def differences_table(differences: tuple[Difference, ...]) -> str:
    """Return differences in Markdown; an empty cell is as documented."""
    lines = [
        "| behaviour | BigQuery's documentation says | ours | bqemulator | local-bigquery |",
        "|---|---|---|---|---|",
    ]
    for difference in differences:
        cells = (difference.cell(warehouse) for warehouse in WAREHOUSES)
        shown = " | ".join(cell.does if cell else "✓" for cell in cells)
        lines.append(f"| {_sentence(difference)} | [{difference.documented}]({difference.link}) | {shown} |")
    return "\n".join(lines)


def _sentence(difference: Difference) -> str:
    return f"{difference.rule[0].upper()}{difference.rule[1:]}"


ASKED = (
    Difference(
        "a nullable column can be added and is null in older rows",
        "columns may be added",
        f"{DOCS}managing-table-schemas",
        bqemulator=breaks("the next row: 500"),
    ),
    Difference(
        "a row sent again with its insert id is one row of its table",
        "best effort, for a minute or more",
        f"{DOCS}streaming-data-into-bigquery#dataconsistency",
        bqemulator=Cell("two rows"),
    ),
    Difference(
        "a corrected row can use the insert id of the refused one",
        "an id is that of an inserted row",
        f"{DOCS}streaming-data-into-bigquery#dataconsistency",
        bqemulator=breaks("the first: 500"),
    ),
    Difference(
        "a row with an unknown field is refused",
        "unknown values are errors unless they may be ignored",
        INSERT_ALL,
        bqemulator=Cell("inserted, without it"),
    ),
    Difference(
        "a row with an unknown field in a record is refused",
        "unknown values are errors unless they may be ignored",
        INSERT_ALL,
        bqemulator=Cell("inserted, without it"),
        local_bigquery=Cell("inserted, without it"),
    ),
    Difference(
        "a row without a required field is refused",
        "no nulls in REQUIRED columns",
        MODES,
        bqemulator=Cell("inserted"),
    ),
    Difference(
        "a row without a required field of a record is refused",
        "no nulls in REQUIRED columns",
        MODES,
        bqemulator=Cell("inserted"),
        local_bigquery=Cell("inserted"),
    ),
    Difference(
        "a row with null for a required field is refused",
        "no nulls in REQUIRED columns",
        MODES,
        bqemulator=Cell("inserted"),
    ),
    Difference(
        "a row with a value of another type is refused",
        "`insertErrors` names the row",
        INSERT_ALL,
        bqemulator=breaks("500"),
    ),
    Difference(
        "a row with a value of another type in a record is refused",
        "`insertErrors` names the row",
        INSERT_ALL,
        bqemulator=breaks("500"),
        local_bigquery=Cell("inserted, as null"),
    ),
    Difference(
        "an invalid row stops the others of its request",
        "unless `skipInvalidRows` is set, all fail",
        INSERT_ALL,
        bqemulator=breaks("500"),
    ),
    Difference(
        "our adapter reports the refused row and the reason",
        "`insertErrors` names the row",
        INSERT_ALL,
        bqemulator=Cell("inserted"),
    ),
    Difference(
        "a name without a dataset is of the default dataset",
        "`defaultDataset`",
        QUERY,
        bqemulator=Cell("not found; with 200 and no rows"),
    ),
    Difference(
        "an invalid query is refused with a sentence",
        "an error has a status of 4xx",
        f"{DOCS}error-messages",
        bqemulator=Cell("200 and no rows; the errors stand beside them, where the client does not look"),
    ),
    Difference(
        "a query that fails while it runs is refused with a sentence",
        "an error has a status of 4xx",
        f"{DOCS}error-messages",
        bqemulator=Cell("200 and no rows; the errors stand beside them, where the client does not look"),
    ),
)
"""Of what we ask of a warehouse."""

DOCUMENTED = (
    Difference(
        "a script has variables",
        "`DECLARE`",
        f"{SQL}procedural-language",
        ours=refuses("scripts are refused"),
    ),
    Difference(
        "a query may define a function",
        "`CREATE TEMP FUNCTION`",
        f"{DOCS}user-defined-functions",
        ours=refuses("scripts are refused, and functions"),
    ),
    Difference(
        "a script has temporary tables",
        "`CREATE TEMP TABLE`",
        f"{DOCS}multi-statement-queries",
        ours=refuses("scripts are refused, and temporary tables"),
    ),
    Difference(
        "a session has a transaction that can be rolled back",
        "`ROLLBACK TRANSACTION`",
        f"{DOCS}transactions",
        ours=refuses("scripts are refused, and transactions"),
    ),
    Difference(
        "bignumeric has 38 digits before and after the point",
        "scale 38, precision 76",
        f"{SQL}data-types#decimal_types",
        ours=refuses("38 digits in all, 18 of them after the point"),
        bqemulator=Cell("no rows"),
        local_bigquery=refuses("38 digits in all"),
    ),
    Difference(
        "a column may be a bignumeric",
        "as any type",
        f"{SQL}data-types#decimal_types",
        bqemulator=breaks("500"),
        local_bigquery=Cell("written with 18 digits after the point, zeros too"),
    ),
    Difference(
        "to json string writes moments as rfc 3339",
        "ISO 8601, with `T` and `Z`",
        f"{SQL}json_functions#json_encodings",
        ours=Cell("`2026-01-02 03:04:05+00`"),
        bqemulator=Cell("`2026-01-02 03:04:05+00`"),
        local_bigquery=Cell("`2026-01-02 03:04:05+00`"),
    ),
    Difference(
        "approx top count gives values with their counts",
        "STRUCTs of value and count",
        f"{SQL}approximate_aggregate_functions#approx_top_count",
        bqemulator=Cell("values only"),
    ),
    Difference(
        "a joined array may have an offset",
        "`t.array AS x WITH OFFSET`",
        f"{SQL}query-syntax#from_clause",
        ours=refuses("a syntax error; `UNNEST(t.array) AS x WITH OFFSET` runs"),
        bqemulator=Cell("no rows"),
        local_bigquery=refuses("a syntax error"),
    ),
    Difference(
        "a row without elements stays where an array is joined on the left",
        "`LEFT JOIN UNNEST(…)` needs no ON",
        f"{SQL}query-syntax#join_types",
        ours=Cell("the row is lost; with `ON TRUE` it stays"),
    ),
    Difference(
        "a missing record of a left join is null",
        "nulls for the right side",
        f"{SQL}query-syntax#join_types",
        ours=Cell("a STRUCT of nulls"),
    ),
    Difference(
        "an array inside json has elements",
        "`json.field[1]`",
        f"{SQL}operators#json_subscript_operator",
        bqemulator=Cell("null"),
        local_bigquery=Cell("null"),
    ),
    Difference(
        "there are geographies",
        "`ST_GEOGPOINT`, …",
        f"{SQL}geography_functions",
        ours=refuses("refused"),
    ),
    Difference(
        "there are functions of the net",
        "`NET.HOST`, …",
        f"{SQL}net_functions",
        ours=refuses("refused"),
        bqemulator=Cell("no rows"),
    ),
    Difference(
        "there are sketches",
        "`HLL_COUNT.INIT`, …",
        f"{SQL}hll_functions",
        ours=refuses("refused"),
    ),
    Difference(
        "a function that bigquery lacks is refused",
        "the functions that there are",
        FUNCTIONS,
        bqemulator=Cell("DuckDB's functions run"),
        local_bigquery=Cell("DuckDB's functions run"),
    ),
    Difference(
        "sql reads no files of the machine",
        "the functions that there are",
        FUNCTIONS,
        bqemulator=Cell("it reads any file that the process may read"),
        local_bigquery=Cell("it reads any file that the process may read"),
    ),
    Difference(
        "legacy sql is answered",
        "`useLegacySql`",
        f"{DOCS}reference/legacy-sql",
        ours=refuses("refused"),
    ),
    Difference(
        "a change with an old etag is refused",
        "an update with an etag of before fails",
        "https://cloud.google.com/python/docs/reference/bigquery/latest/google.cloud.bigquery.client.Client",
        bqemulator=Cell("the last one wins"),
    ),
    Difference(
        "the api drops no column",
        "columns are dropped by SQL",
        f"{DOCS}managing-table-schemas#delete_a_column",
        bqemulator=Cell("accepted"),
    ),
    Difference(
        "tables whose names differ by case are two",
        "names of tables are case-sensitive",
        f"{DOCS}tables#table_naming",
        ours=refuses("409: it exists"),
        bqemulator=breaks("500"),
        local_bigquery=refuses("409: it exists"),
    ),
    Difference(
        "a table keeps when it expires",
        "`expirationTime`",
        f"{DOCS}managing-tables",
        bqemulator=Cell("forgotten"),
    ),
    Difference(
        "a table that has expired is gone",
        "it is deleted",
        f"{DOCS}managing-tables",
        ours=Cell("it stays"),
        bqemulator=Cell("it stays"),
    ),
    Difference(
        "a table is created by a statement",
        "`CREATE TABLE`",
        f"{SQL}data-definition-language",
        ours=refuses("refused"),
    ),
    Difference(
        "rows are inserted by a statement",
        "`INSERT`",
        f"{SQL}dml-syntax#insert_statement",
        ours=refuses("refused"),
    ),
    Difference(
        "rows are updated by a statement",
        "`UPDATE`",
        f"{SQL}dml-syntax#update_statement",
        ours=refuses("refused"),
    ),
    Difference(
        "rows are merged by a statement",
        "`MERGE`",
        f"{SQL}dml-syntax#merge_statement",
        ours=refuses("refused"),
    ),
    Difference(
        "rows are loaded by a job",
        "load jobs",
        f"{DOCS}loading-data",
        ours=refuses("refused"),
    ),
    Difference(
        "the columns of a dataset can be queried",
        "`INFORMATION_SCHEMA.COLUMNS`",
        f"{DOCS}information-schema-columns",
        ours=refuses("refused"),
    ),
    Difference(
        "streamed rows cannot be changed for a while",
        "not by UPDATE, DELETE or MERGE within 30 minutes",
        f"{SQL}data-manipulation-language",
        ours=Cell("at once"),
        bqemulator=Cell("at once"),
        local_bigquery=Cell("at once"),
    ),
    Difference(
        "an insert of more than ten megabytes is refused",
        "10 MB a request",
        "https://cloud.google.com/bigquery/quotas#streaming_inserts",
        ours=Cell("64 MiB a request"),
        bqemulator=Cell("accepted"),
        local_bigquery=Cell("accepted"),
    ),
    Difference(
        "a filter on the partition can be required",
        "`requirePartitionFilter`",
        f"{DOCS}querying-partitioned-tables",
        ours=Cell("kept and not enforced"),
        bqemulator=Cell("kept and not enforced"),
    ),
    Difference(
        "a dry run reports the bytes that a query reads",
        "`totalBytesProcessed`",
        f"{DOCS}running-queries#dry-run",
        ours=Cell("0"),
        bqemulator=Cell("0"),
        local_bigquery=Cell("0"),
    ),
    Difference(
        "a table can be read as it was",
        "`FOR SYSTEM_TIME AS OF`",
        f"{DOCS}access-historical-data",
        ours=refuses("refused"),
        bqemulator=Cell("no rows"),
    ),
    Difference(
        "a query can write its rows to a table",
        "`destinationTable`",
        f"{DOCS}writing-results",
        ours=refuses("refused"),
        bqemulator=Cell("the job ends well and there is no table"),
    ),
    Difference(
        "a job id is used once",
        "409 for a second job",
        f"{DOCS}running-jobs",
        bqemulator=Cell("accepted"),
    ),
    Difference(
        "a table is copied by a job",
        "copy jobs",
        f"{DOCS}managing-tables#copy-table",
        ours=refuses("refused"),
    ),
)
"""Of what BigQuery documents beyond that."""
