"""What this project defines. Uncomment the example, or write your own; then: asof plan."""

# from asof import Count, Entity, FeatureService, FeatureView, Files, Int64, Source, Sum, Float64, Timestamp
#
# customer = Entity("customer", keys={"customer_id": Int64})
#
# purchases = Source(
#     "purchases",
#     reader=Files("data/purchases/*.csv"),
#     schema={"customer_id": Int64, "amount": Float64, "purchased_at": Timestamp},
#     event_time="purchased_at",
# )
#
# spend = FeatureView(
#     "spend",
#     entity=customer,
#     source=purchases,
#     features=[Count(over=["7d", "30d"]), Sum("amount", over=["7d", "30d"])],
# )
#
# model = FeatureService("model", features=[spend])
