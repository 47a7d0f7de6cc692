"""What comes in: till receipts, the product catalogue, what is known of households, coupons."""

from asof import (
    Decimal,
    Entity,
    Files,
    Float64,
    Int64,
    Source,
    String,
    Timestamp,
    between,
    col,
    derive,
    drop_where,
    not_null,
    sql,
    trim,
)

MONEY = Decimal(10, 2)

household = Entity("household", keys={"household_id": Int64})
product = Entity("product", keys={"product_id": Int64})

transactions = Source(
    "transactions",
    reader=Files("data/transactions/*.csv*"),
    schema={
        "household_id": Int64,
        "store_id": Int64,
        "basket_id": Int64,
        "product_id": Int64,
        "quantity": Int64,
        "sales_value": MONEY,
        "retail_disc": MONEY,
        "coupon_disc": MONEY,
        "transaction_timestamp": Timestamp,
    },
    event_time="transaction_timestamp",
    clean=[
        # A line that was voided at the till: nothing sold, nothing paid.
        drop_where((col("quantity") == 0) & (col("sales_value") == 0)),
        # Petrol is counted in thousandths of a gallon.
        derive("items", Int64, sql("if(quantity > 1000, 1, quantity)")),
    ],
    expect=[
        not_null("household_id", on_fail="quarantine"),
        between("quantity", low=1, on_fail="quarantine"),
        between("sales_value", low=0, on_fail="quarantine"),
    ],
)

# "12 OZ", "12    OZ", "12 OZ/12 PK", "1/2 GAL", "1 1/2 LB", "32CT": a number and a unit.
_FRACTION = r"(?:\d+[ -])?\b(?:[1357]/[248]|[12]/3)"
_UNIT = "FL OZ|OZ|LB|GAL|QT|PT|LTR|L|ML|GM|G|KG|CT|PK|DZ|SQ FT|FT|IN|YD|EA|STEM|ROLL|LOAD"
_SIZE = rf"({_FRACTION}|\b\d{{1,4}}(?:\.\d+)?|(?:^|[ /])\.\d+) *({_UNIT})S?\b"

products = Source(
    "products",
    reader=Files("data/products.jsonl.gz"),
    schema={
        "product_id": Int64,
        "department": String,
        "brand": String,
        "product_category": String,
        "package_size": String,
    },
    known_since="2017-01-01",
    clean=[
        trim("package_size"),
        derive("size_text", String, sql(f"nullif(regexp_extract(upper(package_size), '{_SIZE}', 1), '')")),
        derive("size_unit", String, sql(f"nullif(regexp_extract(upper(package_size), '{_SIZE}', 2), '')")),
        derive(
            "size_number",
            Float64,
            sql(r"""
                case when size_text like '%/%' then
                    coalesce(try_cast(regexp_extract(size_text, '^(\d+)[ -]', 1) as double), 0)
                    + try_cast(regexp_extract(size_text, '(\d)/\d', 1) as double)
                    / try_cast(regexp_extract(size_text, '\d/(\d)', 1) as double)
                else try_cast(size_text as double) end
            """),
        ),
    ],
    expect=[
        not_null("product_id", on_fail="quarantine"),
        between("size_number", 0.01, 5_000, on_fail="warn"),
    ],
)

demographics = Source(
    "demographics",
    reader=Files("data/demographics.parquet"),
    schema={
        "household_id": Int64,
        "age": String,
        "income": String,
        "home_ownership": String,
        "marital_status": String,
        "household_size": String,
        "kids_count": String,
    },
    known_since="2017-01-01",
)

redemptions = Source(
    "redemptions",
    reader=Files("data/coupon_redemptions.csv"),
    schema={"household_id": Int64, "coupon_upc": Int64, "campaign_id": Int64, "redemption_date": Timestamp},
    event_time="redemption_date",
)
