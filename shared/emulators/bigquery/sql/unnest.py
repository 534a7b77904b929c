"""Rewrite UNNEST in a FROM clause for DuckDB.

In BigQuery the elements of an array of STRUCTs become rows whose columns are the fields, the alias names the whole
element, and offsets count from 0. In DuckDB the element is one column, and offsets count from 1.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp


def rewrite_unnest(tree: exp.Expr) -> None:
    """Replace every UNNEST of a FROM or JOIN by a subquery with BigQuery's columns; it needs the nodes' types."""
    for position, unnest in enumerate(list(tree.find_all(exp.Unnest))):
        if isinstance(unnest.parent, (exp.From, exp.Join)):
            _rewrite(unnest, f"_unnest{position}", f"f{position}_")


def _rewrite(unnest: exp.Unnest, unique: str, unnamed: str) -> None:
    array = unnest.expressions[0]
    alias = _alias_of(unnest)
    offset = unnest.args.get("offset")
    names = _fields_of_element(array)
    arguments: list[exp.Expr] = [array.copy()]
    if names:
        arguments.append(exp.Kwarg(this=exp.var("max_depth"), expression=exp.Literal.number(2)))
    element: exp.Expr = exp.Anonymous(this="UNNEST", expressions=arguments)
    if not names:
        element = exp.alias_(element, alias or unnamed, quoted=True)
    columns = [element]
    if offset:
        name = offset.name if isinstance(offset, exp.Expr) else "offset"
        columns.append(exp.alias_(_offsets(array), name, quoted=True))
    # An element that is not a STRUCT is a column, so the table gets a name that no query uses.
    table = alias if names and alias else unique
    select = unnest.find_ancestor(exp.Select)
    if names and alias and offset and select:
        _name_fields(select, alias, names)
    unnest.replace(exp.Select(expressions=columns).subquery(exp.to_identifier(table, quoted=True)))


def _alias_of(unnest: exp.Unnest) -> str:
    alias = unnest.args.get("alias")
    if not isinstance(alias, exp.TableAlias):
        return ""
    return alias.columns[0].name if alias.columns else alias.name


def _offsets(array: exp.Expr) -> exp.Expr:
    first = exp.Literal.number(1)
    subscripts = exp.Anonymous(this="GENERATE_SUBSCRIPTS", expressions=[array.copy(), first])
    return exp.Sub(this=subscripts, expression=first.copy())


def _fields_of_element(array: exp.Expr) -> list[str]:
    kind = array.type
    if kind is None or not kind.is_type(exp.DType.ARRAY) or not kind.expressions:
        return []
    element = kind.expressions[0]
    if not isinstance(element, exp.DataType) or not element.is_type(exp.DType.STRUCT):
        return []
    return [part.name for part in element.expressions if part.name]


def _name_fields(select: exp.Select, alias: str, names: list[str]) -> None:
    """List the fields where the alias means the whole element, since the subquery also has the offset as a column."""
    for column in list(_whole_elements(select, alias)):
        parts = [exp.PropertyEQ(this=exp.to_identifier(name), expression=_field(alias, name)) for name in names]
        struct = exp.Struct(expressions=parts)
        in_select = isinstance(column.parent, exp.Select) and column.arg_key == "expressions"
        column.replace(exp.alias_(struct, alias, quoted=True) if in_select else struct)
    for star in list(select.find_all(exp.Star)):
        above = star.parent
        if isinstance(above, exp.Column) and above.table.lower() == alias.lower() and above.parent is select:
            at = select.expressions.index(above)
            fields = [_field(alias, name) for name in names]
            select.set("expressions", [*select.expressions[:at], *fields, *select.expressions[at + 1 :]])


def _field(alias: str, name: str) -> exp.Column:
    return exp.column(exp.to_identifier(name, quoted=True), exp.to_identifier(alias, quoted=True))


def _whole_elements(select: exp.Select, alias: str) -> Iterator[exp.Column]:
    for column in select.find_all(exp.Column):
        if column.name.lower() == alias.lower() and not column.table and not isinstance(column.this, exp.Star):
            yield column
