"""BigQuery SQL means here what it means there: every expression with the value that BigQuery gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

pytest_plugins = ("tests.emulators.warehouse_fixtures",)

Ask = Callable[..., list[tuple[Any, ...]]]

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)

SCHEMA = [
    bigquery.SchemaField("id", "STRING"),
    bigquery.SchemaField("ts", "TIMESTAMP"),
    bigquery.SchemaField("d", "DATE"),
    bigquery.SchemaField("x", "FLOAT"),
    bigquery.SchemaField("n", "INTEGER"),
    bigquery.SchemaField("ok", "BOOLEAN"),
    bigquery.SchemaField(
        "im",
        "RECORD",
        fields=[
            bigquery.SchemaField("name", "STRING"),
            bigquery.SchemaField("w", "INTEGER"),
            bigquery.SchemaField("taken", "DATE"),
        ],
    ),
    bigquery.SchemaField(
        "cand",
        "RECORD",
        "REPEATED",
        fields=[bigquery.SchemaField("label", "STRING"), bigquery.SchemaField("score", "FLOAT")],
    ),
    bigquery.SchemaField("tags", "STRING", "REPEATED"),
    bigquery.SchemaField("j", "JSON"),
    bigquery.SchemaField("b", "BYTES"),
    bigquery.SchemaField("num", "NUMERIC"),
]
ROWS = [
    {
        "id": "a",
        "ts": MOMENT.isoformat(),
        "d": "2026-01-02",
        "x": 1.5,
        "n": 3,
        "ok": True,
        "im": {"name": "f", "w": 7, "taken": "2026-01-31"},
        "cand": [{"label": "r", "score": 0.7}, {"label": "s", "score": 0.3}],
        "tags": ["p", "q"],
        "j": '{"q": [1, 2], "s": "x", "o": {"a": 1}}',
        "b": "/w==",
        "num": "1.25",
    },
    {"id": "b", "ts": "2026-01-03 03:04:05", "d": "2026-01-03", "x": 2.5, "n": 4, "ok": False, "im": {"name": "g"}},
]


@pytest.fixture(scope="module")
def ours(bigquery_client: bigquery.Client) -> Iterator[str]:
    bigquery_client.create_dataset("local.sql_tests")
    bigquery_client.create_table(bigquery.Table("local.sql_tests.t", SCHEMA))
    assert bigquery_client.insert_rows_json("local.sql_tests.t", ROWS) == []
    yield "local.sql_tests"
    bigquery_client.delete_dataset("local.sql_tests", delete_contents=True)


# Of one row each, over the row with the id a.
ONE_ROW: list[tuple[str, tuple[Any, ...]]] = [
    ("1.5, 1/4, 7/2, 3 * 1000000000, 2147483647 + 1", (1.5, 0.25, 3.5, 3000000000, 2147483648)),
    ("COUNTIF(n > 1) OVER (), (SELECT COUNTIF(x > 9) FROM UNNEST([CAST(NULL AS INT64)]) AS x)", (1, 0)),
    ("DIV(-7, 2), MOD(-7, 2), n / 2, num / 2, num * 2", (-3, -1, 1.5, Decimal("0.625"), Decimal("2.5"))),
    ("SAFE_DIVIDE(1, 0), SAFE_DIVIDE(n, x), IEEE_DIVIDE(1, 0)", (None, 2.0, math.inf)),
    ("ROUND(2.5), ROUND(-2.5), ROUND(1.25, 1), TRUNC(2.789, 1), CEIL(1.2)", (3.0, -3.0, 1.3, 2.7, 2.0)),
    ("CAST(1.5 AS INT64), CAST(2.5 AS INT64), CAST('12' AS INT64), SAFE_CAST('1.5' AS INT64)", (2, 3, 12, None)),
    (
        "CAST(12.0 AS STRING), CAST(0.1 AS STRING), CAST(num AS STRING), CAST(TRUE AS STRING)",
        ("12", "0.1", "1.25", "true"),
    ),
    (
        "CAST('é' AS BYTES), CAST(b'ab' AS STRING), BYTE_LENGTH('é'), LENGTH('é'), LENGTH(b)",
        (b"\xc3\xa9", "ab", 2, 1, 1),
    ),
    ("CAST(ts AS STRING), STRING(d)", ("2026-01-02 03:04:05.678901+00", "2026-01-02")),
    ("SAFE_ADD(9223372036854775807, 1), SAFE_MULTIPLY(2, 3), SAFE.PARSE_DATE('%F', 'x')", (None, 6, None)),
    ("[10, 20][OFFSET(1)], [10, 20][ORDINAL(1)], [10][SAFE_OFFSET(5)], [10][SAFE_OFFSET(-1)]", (20, 10, None, None)),
    ("cand[OFFSET(0)].label, ARRAY_LENGTH(cand), ARRAY_TO_STRING(['a', NULL], ',', '?')", ("r", 2, "a,?")),
    ("ARRAY_CONCAT([1], [2, 3]), ARRAY_REVERSE([1, 2]), GENERATE_ARRAY(1, 5, 2)", ([1, 2, 3], [2, 1], [1, 3, 5])),
    ("ARRAY(SELECT label FROM UNNEST(cand) ORDER BY score)", (["s", "r"],)),
    ("ARRAY(SELECT AS STRUCT label, score FROM UNNEST(cand) WHERE score > 0.5)", ([{"label": "r", "score": 0.7}],)),
    ("(SELECT MAX(score) FROM UNNEST(cand)), (SELECT COUNT(*) FROM UNNEST(tags))", (0.7, 2)),
    ("'p' IN UNNEST(tags), EXISTS(SELECT 1 FROM UNNEST(cand) AS c WHERE c.label = 's')", (True, True)),
    (
        "STRUCT(1, 'a'), STRUCT(n, im.name), STRUCT<k INT64>(5)",
        ({"_field_1": 1, "_field_2": "a"}, {"n": 3, "name": "f"}, {"k": 5}),
    ),
    ("[STRUCT(1 AS a, 'x' AS b), STRUCT(2, 'y')]", ([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],)),
    ("JSON_VALUE(j, '$.s'), JSON_VALUE(j, '$.o'), JSON_QUERY(j, '$.q'), JSON_VALUE(j.o.a)", ("x", None, [1, 2], "1")),
    ("j.q[1], j['q'][0], JSON_TYPE(j.q), STRING(j.s), JSON_VALUE('{\"a\": 1}', '$.a')", (2, 1, "array", "x", "1")),
    ("TO_JSON_STRING(STRUCT(1 AS a, [1, 2] AS b)), PARSE_JSON('{\"a\": 1}')", ('{"a":1,"b":[1,2]}', {"a": 1})),
    ("TIMESTAMP_TRUNC(ts, HOUR)", (datetime(2026, 1, 2, 3, tzinfo=UTC),)),
    ("TIMESTAMP_TRUNC(ts, DAY, 'America/New_York')", (datetime(2026, 1, 1, 5, tzinfo=UTC),)),
    (
        "TIMESTAMP_TRUNC(ts, WEEK), TIMESTAMP_TRUNC(ts, ISOWEEK)",
        (datetime(2025, 12, 28, tzinfo=UTC), datetime(2025, 12, 29, tzinfo=UTC)),
    ),
    (
        "DATE_TRUNC(d, WEEK), DATE_TRUNC(d, WEEK(MONDAY)), DATE_TRUNC(d, MONTH)",
        (date(2025, 12, 28), date(2025, 12, 29), date(2026, 1, 1)),
    ),
    ("DATE_TRUNC(im.taken, MONTH), DATE_SUB(im.taken, INTERVAL 1 MONTH)", (date(2026, 1, 1), date(2025, 12, 31))),
    ("DATE(ts), DATE(ts, 'America/New_York'), TIME(ts)", (date(2026, 1, 2), date(2026, 1, 1), time(3, 4, 5, 678901))),
    (
        "DATETIME(ts), DATETIME(ts, 'America/New_York')",
        (datetime(2026, 1, 2, 3, 4, 5, 678901), datetime(2026, 1, 1, 22, 4, 5, 678901)),
    ),
    (
        "TIMESTAMP(d), TIMESTAMP('2026-01-02 03:04:05')",
        (datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ),
    (
        "DATE_ADD(d, INTERVAL n DAY), d - 1, DATE_DIFF(d, DATE '2025-12-31', DAY)",
        (date(2026, 1, 5), date(2026, 1, 1), 2),
    ),
    ("TIMESTAMP_DIFF(TIMESTAMP '2001-02-01 01:00:00', TIMESTAMP '2001-02-01 00:00:01', HOUR)", (0,)),
    ("DATETIME_DIFF(DATETIME '2001-02-01 01:00:00', DATETIME '2001-02-01 00:59:59', HOUR)", (1,)),
    ("DATE_DIFF('2017-10-15', '2017-10-14', WEEK), DATE_DIFF('2017-10-15', '2017-10-14', ISOWEEK)", (1, 0)),
    ("TIMESTAMP_SUB(ts, INTERVAL 1 DAY)", (datetime(2026, 1, 1, 3, 4, 5, 678901, UTC),)),
    ("UNIX_SECONDS(ts), UNIX_MILLIS(ts), UNIX_MICROS(ts)", (1767323045, 1767323045678, 1767323045678901)),
    ("TIMESTAMP_SECONDS(5), TIMESTAMP_MILLIS(5000)", (datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC),) * 2),
    ("EXTRACT(DAYOFWEEK FROM d), EXTRACT(WEEK FROM d), EXTRACT(ISOWEEK FROM d)", (6, 0, 1)),
    (
        "EXTRACT(DATE FROM ts), EXTRACT(MICROSECOND FROM ts), EXTRACT(MILLISECOND FROM ts)",
        (date(2026, 1, 2), 678901, 678),
    ),
    ("EXTRACT(HOUR FROM ts AT TIME ZONE 'America/New_York')", (22,)),
    (
        "FORMAT_TIMESTAMP('%F %T %Z', ts), FORMAT_TIMESTAMP('%E3S|%e|%k', ts)",
        ("2026-01-02 03:04:05 UTC", "05.678| 2| 3"),
    ),
    (
        "FORMAT_DATE('%A, %b %d %Y', d), FORMAT_TIMESTAMP('%F %H', ts, 'America/New_York')",
        ("Friday, Jan 02 2026", "2026-01-01 22"),
    ),
    ("PARSE_DATE('%m/%d/%Y', '01/02/2026'), PARSE_DATE('%m', '03')", (date(2026, 1, 2), date(1970, 3, 1))),
    ("PARSE_TIMESTAMP('%F %H:%M:%E*S', '2026-01-02 03:04:05.678901')", (MOMENT,)),
    ("PARSE_TIMESTAMP('%F %T%z', '2026-01-02 03:04:05+0100')", (datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC),)),
    ("TIMESTAMP_BUCKET(ts, INTERVAL 5 MINUTE), LAST_DAY(d)", (datetime(2026, 1, 2, 3, tzinfo=UTC), date(2026, 1, 31))),
    ("FORMAT('%d-%s %.2f %t', 1, 'x', 1.234, d)", ("1-x 1.23 2026-01-02",)),
    (
        "REGEXP_CONTAINS('abc', r'b'), REGEXP_EXTRACT('foo123', r'o(\\d)'), REGEXP_EXTRACT('foo', r'x')",
        (True, "1", None),
    ),
    (
        "REGEXP_REPLACE('abc', r'(b)', r'<\\1>'), SPLIT('a-b', '-')[OFFSET(1)], SUBSTR('abc', -2, 1)",
        ("a<b>c", "b", "b"),
    ),
    (
        "TO_HEX(MD5('a')), TO_BASE64(b'ab'), FROM_BASE64('YWI='), TO_HEX(b)",
        ("0cc175b9c0f1b6a831c399e269772661", "YWI=", b"ab", "ff"),
    ),
    (
        "CONCAT('a', CAST(NULL AS STRING)), IF(ok, 'y', 'n'), IFNULL(NULL, 'z'), RANGE_BUCKET(10, [0, 10, 20])",
        (None, "y", "z", 2),
    ),
    ("b'a\\xff', r'\\n', 'a\\tb', 0xFF, NUMERIC '1.5'", (b"a\xff", "\\n", "a\tb", 255, Decimal("1.5"))),
]


@pytest.mark.parametrize(("columns", "expected"), ONE_ROW, ids=[columns for columns, _ in ONE_ROW])
def test_expression_has_the_value_of_bigquery(ask_bigquery: Ask, ours: str, columns: str, expected: Any) -> None:
    assert ask_bigquery(f"SELECT {columns} FROM t WHERE id = 'a'", ours) == [expected]


QUERIES: list[tuple[str, list[tuple[Any, ...]]]] = [
    ("SELECT ARRAY_AGG(id ORDER BY n DESC LIMIT 1) FROM t", [(["b"],)]),
    ("SELECT ARRAY_AGG(STRUCT(id, n) ORDER BY n LIMIT 1)[OFFSET(0)].id FROM t", [("a",)]),
    ("SELECT ARRAY_AGG(num IGNORE NULLS) FROM t", [([Decimal("1.25")],)]),
    ("SELECT AS STRUCT ARRAY_AGG(t ORDER BY n DESC LIMIT 1)[OFFSET(0)].id AS id FROM t", [("b",)]),
    ("SELECT STRING_AGG(id, '+' ORDER BY n DESC), STRING_AGG(id ORDER BY n LIMIT 1) FROM t", [("b+a", "a")]),
    ("SELECT APPROX_QUANTILES(x, 100)[OFFSET(50)], APPROX_QUANTILES(x, 2) FROM t", [(1.5, [1.5, 1.5, 2.5])]),
    ("SELECT APPROX_TOP_COUNT(v, 1) FROM UNNEST(['a', 'b', 'b']) AS v", [([{"value": "b", "count": 2}],)]),
    (
        "SELECT COUNTIF(ok), LOGICAL_OR(ok), COUNT(DISTINCT id), SUM(n), AVG(num) FROM t",
        [(1, True, 2, 7, Decimal("1.25"))],
    ),
    ("SELECT MAX_BY(id, n), ANY_VALUE(id HAVING MIN n) FROM t", [("b", "a")]),
    ("SELECT id FROM t WHERE TRUE QUALIFY ROW_NUMBER() OVER (ORDER BY ts DESC) = 1", [("b",)]),
    ("SELECT id, label, score FROM t, UNNEST(cand)", [("a", "r", 0.7), ("a", "s", 0.3)]),
    ("SELECT c.label, i FROM t, UNNEST(t.cand) AS c WITH OFFSET AS i ORDER BY i DESC", [("s", 1), ("r", 0)]),
    ("SELECT ARRAY_AGG(c ORDER BY i DESC)[OFFSET(0)].label FROM t, UNNEST(cand) AS c WITH OFFSET i", [("s",)]),
    ("SELECT c.*, i FROM t, UNNEST(cand) AS c WITH OFFSET i WHERE i = 1", [("s", 0.3, 1)]),
    ("SELECT id, c.label FROM t LEFT JOIN UNNEST(cand) AS c ON c.score > 0.5 ORDER BY id", [("a", "r"), ("b", None)]),
    ("SELECT tag, i FROM t, UNNEST(tags) AS tag WITH OFFSET i ORDER BY i", [("p", 0), ("q", 1)]),
    (
        "SELECT x, y FROM UNNEST([1, 2]) AS x WITH OFFSET JOIN UNNEST(['a', 'b']) AS y WITH OFFSET USING (offset)",
        [(1, "a"), (2, "b")],
    ),
    ("SELECT * FROM UNNEST([STRUCT(1 AS a, 'x' AS b), STRUCT(2, 'y')])", [(1, "x"), (2, "y")]),
    ("WITH q AS (SELECT id, cand FROM t) SELECT label FROM q, q.cand ORDER BY label", [("r",), ("s",)]),
    (
        "SELECT d FROM UNNEST(GENERATE_DATE_ARRAY('2026-01-31', '2026-02-01')) AS d",
        [(date(2026, 1, 31),), (date(2026, 2, 1),)],
    ),
    (
        "SELECT * EXCEPT (ts, d, x, ok, im, cand, tags, j, b, num) REPLACE (n * 2 AS n) FROM t ORDER BY n",
        [("a", 6), ("b", 8)],
    ),
    ("SELECT t.im.* FROM t WHERE id = 'a'", [("f", 7, date(2026, 1, 31))]),
    ("SELECT v FROM UNNEST([3, NULL, 1]) AS v ORDER BY v", [(None,), (1,), (3,)]),
    ("SELECT v FROM UNNEST([3, NULL, 1]) AS v ORDER BY v DESC", [(3,), (1,), (None,)]),
    ("SELECT IF(ok, 'y', 'n') AS v, COUNT(*) AS c FROM t GROUP BY v ORDER BY v", [("n", 1), ("y", 1)]),
    ("SELECT * FROM (SELECT ok, n FROM t) PIVOT(SUM(n) FOR ok IN (TRUE AS y, FALSE AS z))", [(3, 4)]),
    ("SELECT 1 AS a UNION DISTINCT SELECT 1 EXCEPT DISTINCT SELECT 2", [(1,)]),
    ("WITH RECURSIVE r AS (SELECT 1 AS k UNION ALL SELECT k + 1 FROM r WHERE k < 3) SELECT SUM(k) FROM r", [(6,)]),
    ("FROM t |> WHERE n > 3 |> SELECT id", [("b",)]),
    ("SELECT PERCENTILE_CONT(v, 0.5) OVER () FROM UNNEST([1, 2]) AS v LIMIT 1", [(1.5,)]),
    ("SELECT id FROM t WHERE ts >= '2026-01-03' AND d BETWEEN '2026-01-01' AND '2026-12-31'", [("b",)]),
    ("SELECT id FROM `local.sql_tests.t` WHERE n = 3", [("a",)]),
    ("SELECT t.id FROM sql_tests.t WHERE t.im.w = 7", [("a",)]),
]


@pytest.mark.parametrize(("sql", "expected"), QUERIES, ids=[sql for sql, _ in QUERIES])
def test_query_returns_the_rows_of_bigquery(ask_bigquery: Ask, ours: str, sql: str, expected: Any) -> None:
    assert ask_bigquery(sql, ours) == expected


def test_query_names_unnamed_columns_as_bigquery_does(bigquery_client: bigquery.Client, ours: str) -> None:
    sql = "SELECT COUNT(*), 1 AS one, MAX(n), ANY_VALUE(im).name FROM sql_tests.t"
    assert [field.name for field in bigquery_client.query_and_wait(sql).schema] == ["f0_", "one", "f1_", "name"]


def test_query_result_has_the_types_of_bigquery(bigquery_client: bigquery.Client, ours: str) -> None:
    schema = bigquery_client.query_and_wait(
        "SELECT *, COUNT(*) OVER () AS c, SUM(n) OVER () AS s FROM sql_tests.t"
    ).schema
    actual = {field.name: (field.field_type, field.mode) for field in schema}
    assert actual["cand"] == ("RECORD", "REPEATED")
    assert actual["ts"] == ("TIMESTAMP", "NULLABLE")
    assert actual["num"] == ("NUMERIC", "NULLABLE")
    assert actual["j"] == ("JSON", "NULLABLE")
    assert actual["c"] == actual["s"] == ("INTEGER", "NULLABLE")
    assert [inner.field_type for inner in schema[6].fields] == ["STRING", "INTEGER", "DATE"]


FAULTS: list[tuple[str, str]] = [
    ("SELEC 1", "Syntax error"),
    ("SELECT 1 +", "Syntax error"),
    ("SELECT nope FROM t", "Unrecognized name: nope"),
    ("SELECT t.nope FROM t", "nope"),
    ("SELECT id, COUNT(*) FROM t", "neither grouped nor aggregated"),
    ("SELECT id AS a, n AS a FROM t", "Duplicate column names"),
    ("SELECT [[1]]", "array of arrays"),
    ("SELECT 1 / 0", "division by zero"),
    ("SELECT MOD(n, 0) FROM t", "division by zero"),
    ("SELECT [1][OFFSET(1)]", "out of bounds"),
    ("SELECT CAST('1.5' AS INT64)", "Bad int64 value: 1.5"),
    ("SELECT 9223372036854775807 + 1", "overflow"),
    ("SELECT SUM(v) FROM UNNEST([9223372036854775807, 1]) AS v", "out of range"),
    ("SELECT ERROR('as told')", "as told"),
    ("SELECT LIST_SORT([2, 1])", "Function not found: LIST_SORT"),
    ("SELECT EPOCH_MS(ts) FROM t", "Function not found: EPOCH_MS"),
    ("SELECT FARM_FINGERPRINT('a')", "FARM_FINGERPRINT is a function of BigQuery"),
    ("SELECT ML.PREDICT(1)", "Function not found: ML.PREDICT"),
    ("SELECT 1::INT64", "Unexpected '::'"),
    ("SELECT 'a' ILIKE 'A'", "Unexpected 'ILIKE'"),
    ("SELECT 7 % 2", "Unexpected '%'"),
    ("SELECT 1; SELECT 2", "Scripts are not supported"),
    ("SELECT @nobody", "Query parameter 'nobody' not found"),
    ("SELECT @@project_id", "system variable"),
    ("SELECT COUNT(*) FROM t FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()", "time travel"),
    ("SELECT * FROM sql_tests.INFORMATION_SCHEMA.JOBS", "INFORMATION_SCHEMA.JOBS is not supported"),
    ("SELECT FORMAT_TIMESTAMP(id, ts) FROM t", "not a literal"),
    ("SELECT t.im.* EXCEPT (taken) FROM t", "EXCEPT"),
    ("CALL p()", "not supported"),
    ("DECLARE k INT64", "not supported"),
    ("", "end of statement"),
]


@pytest.mark.parametrize(("sql", "sentence"), FAULTS, ids=[sql for sql, _ in FAULTS])
def test_statement_with_an_error_is_refused_with_a_sentence(
    ask_bigquery: Ask, ours: str, sql: str, sentence: str
) -> None:
    with pytest.raises(exceptions.BadRequest) as caught:
        ask_bigquery(sql, ours)
    assert sentence in caught.value.message
    assert caught.value.errors[0]["reason"] == "invalidQuery"


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("nope", "Table local:sql_tests.nope"),
        ("nowhere.t", "Dataset local:nowhere"),
        ("`other-project.sql_tests.t`", "Table other-project:sql_tests.t"),
        ("_bucketlens.resources", "Dataset local:_bucketlens"),
        ("T", "Table local:sql_tests.T"),
    ],
)
def test_statement_error_names_a_missing_table(ask_bigquery: Ask, ours: str, name: str, missing: str) -> None:
    with pytest.raises(exceptions.NotFound, match=f"Not found: {missing}"):
        ask_bigquery(f"SELECT * FROM {name}", ours)


def test_table_name_without_a_dataset_needs_a_default(ask_bigquery: Ask, ours: str) -> None:
    with pytest.raises(exceptions.BadRequest, match="must be qualified with a dataset"):
        ask_bigquery("SELECT * FROM t")
