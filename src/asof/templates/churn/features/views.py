"""Features of households and products."""

from asof import Count, CountDistinct, DaysSinceLast, FeatureView, Max, Ratio, Sum, col

from .sources import demographics, household, product, products, redemptions, transactions

WINDOWS = ["7d", "30d", "90d"]

catalogue = FeatureView(
    "catalogue",
    entity=product,
    source=products,
    features=["department", "brand", "size_number", "size_unit"],
)

# Each receipt line is first given what the catalogue said of its product at that moment.
spend = FeatureView(
    "spend",
    entity=household,
    source=transactions,
    enrich=[catalogue],
    features=[
        Sum("sales_value", over=WINDOWS, name="spend"),
        Sum("items", over=WINDOWS, name="items"),
        CountDistinct("basket_id", over=WINDOWS, name="baskets"),
        CountDistinct("product_id", over=WINDOWS, name="products"),
        Ratio(
            Count(where=col("coupon_disc") > 0),
            Count(),
            over=WINDOWS,
            name="coupon_share",
        ),
        Ratio(
            Sum("sales_value", where=col("catalogue__brand") == "Private"),
            Sum("sales_value"),
            over="90d",
            name="private_brand_share",
        ),
        Max("sales_value", over="90d", name="dearest_line"),
        DaysSinceLast(),
    ],
)

coupons = FeatureView(
    "coupons",
    entity=household,
    source=redemptions,
    features=[Count(over="90d", name="redeemed")],
)

person = FeatureView(
    "person",
    entity=household,
    source=demographics,
    features=["age", "income", "home_ownership", "marital_status", "household_size", "kids_count"],
)
