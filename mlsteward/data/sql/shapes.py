"""The parts of a statement's tree that pass the first wall, each with the fields that it may hold.

They are those of DuckDB 2.0's `json_serialize_sql` with nulls, empty values and defaults left out. Both an unlisted
part and an unlisted field are refused, so that syntax which a later engine adds stays outside until it was looked at.
"""

_PLACE = "type alias query_location query_location_length"


def _fields(*names: str) -> frozenset[str]:
    return frozenset(" ".join(names).split())


def _table(*names: str) -> frozenset[str]:
    return _fields(_PLACE, "sample column_name_alias", *names)


def _expression(*names: str) -> frozenset[str]:
    return _fields(_PLACE, "class", *names)


# Found by the field `type`: queries, all of whose names end in _NODE.
NODES = {
    "SELECT_NODE": _fields(
        "type modifiers cte_map select_list from_table where_clause group_expressions group_sets aggregate_handling"
        " having sample qualify"
    ),
    "SET_OPERATION_NODE": _fields("type modifiers cte_map setop_type setop_all left right children"),
    "RECURSIVE_CTE_NODE": _fields("type modifiers cte_map cte_name union_all left right aliases key_targets"),
}

# Found by the field `type`: what stands in FROM, and what orders and limits.
TABLES = {
    "BASE_TABLE": _table("table_name schema_name catalog_name qualified_name"),
    "EMPTY": _table(),
    "EXPRESSION_LIST": _table("values"),
    "JOIN": _table(
        "left right condition join_type ref_type using_columns is_implicit nearest_approx nearest_count"
        " nearest_order_type ranking_expression"
    ),
    "PIVOT": _table("source aggregates unpivot_names pivots groups include_nulls"),
    "SHOW_REF": _table("query show_type qualified_name"),
    "SUBQUERY": _table("subquery"),
    "TABLE_FUNCTION": _table("function with_ordinality"),
    "ASCENDING": _fields("type null_order expression"),
    "DESCENDING": _fields("type null_order expression"),
    "ORDER_DEFAULT": _fields("type null_order expression"),
    "ORDER_MODIFIER": _fields("type orders"),
    "DISTINCT_MODIFIER": _fields("type distinct_on_targets"),
    "LIMIT_MODIFIER": _fields("type limit offset limit_type"),
}

# Found by the field `class`.
EXPRESSIONS = {
    "BETWEEN": _expression("input lower upper"),
    "CASE": _expression("case_checks else_expr"),
    "CAST": _expression("child type_expr try_cast"),
    "COLLATE": _expression("child collation"),
    "COLUMN_REF": _expression("column_names"),
    "COMPARISON": _expression("left right"),
    "CONJUNCTION": _expression("children"),
    "CONSTANT": _expression("literal"),
    "FUNCTION": _expression(
        "function_name schema catalog qualified_name arguments distinct filter order_bys is_operator"
    ),
    "LAMBDA": _expression("lhs expr syntax_type"),
    "OPERATOR": _expression("children"),
    "POSITIONAL_REFERENCE": _expression("index"),
    "STAR": _expression("relation_name exclude_list qualified_exclude_list replace_list rename_list columns expr"),
    "SUBQUERY": _expression("subquery_type subquery child comparison_type"),
    "TYPE": _expression("type_name qualified_name children"),
    "WINDOW": _expression(
        "function_name qualified_name arguments partitions orders start end start_expr end_expr offset_expr"
        " default_expr ignore_nulls has_ignore_nulls filter_expr exclude_clause distinct arg_orders"
    ),
}

# Found by the field that holds them.
PARTS = {
    "arguments": _fields("expression name"),
    "case_checks": _fields("when_expr then_expr"),
    "children": _fields("expression name"),
    "cte_map": _fields("map"),
    "entries": _fields("values star_expr alias"),
    "key": _fields("catalog schema table column"),
    "literal": _fields("kind text"),
    "map": _fields("key value"),
    "pivots": _fields("pivot_expressions unpivot_names entries"),
    "qualified_exclude_list": _fields("catalog schema table column"),
    "qualified_name": _fields("path"),
    "rename_list": _fields("key value"),
    "replace_list": _fields("key value"),
    "sample_size": _fields("type value is_null"),
    "type": _fields("id"),
    "sample": _fields("sample_size sample_rate is_percentage method seed repeatable"),
    "subquery": _fields("node"),
    "value": _fields("aliases query_node materialized key_targets payload_aggregates"),
}
