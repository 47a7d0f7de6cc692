"""The question: who stops buying?"""

from asof import ByTime, Count, FeatureService, Label, TrainingSet, every

from .sources import household, transactions
from .views import coupons, person, spend

churned = Label(
    "churned",
    entity=household,
    source=transactions,
    at=every("7d"),
    horizon="30d",
    outcome=Count() == 0,
    active_within="90d",
)

churn = TrainingSet(
    "churn",
    label=churned,
    features=[spend, coupons, person],
    split=ByTime(test="60d", embargo="30d"),
)

churn_model = FeatureService("churn_model", features=[spend, coupons, person])
