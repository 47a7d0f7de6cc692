"""Aggregates over windows of events: what is written as `Sum("amount", over=["7d", "30d"])`."""

from asof.features.aggregates.aggregate import Aggregate as Aggregate
from asof.features.aggregates.aggregate_function import AggregateFunction as AggregateFunction
from asof.features.aggregates.aggregate_function import FunctionFeature as FunctionFeature
from asof.features.aggregates.aggregate_function import aggregate_function as aggregate_function
from asof.features.aggregates.lists import LastN as LastN
from asof.features.aggregates.lists import TopK as TopK
from asof.features.aggregates.ratio import Ratio as Ratio
from asof.features.aggregates.values import Count as Count
from asof.features.aggregates.values import CountDistinct as CountDistinct
from asof.features.aggregates.values import DaysSinceLast as DaysSinceLast
from asof.features.aggregates.values import First as First
from asof.features.aggregates.values import Last as Last
from asof.features.aggregates.values import Max as Max
from asof.features.aggregates.values import Mean as Mean
from asof.features.aggregates.values import Min as Min
from asof.features.aggregates.values import Std as Std
from asof.features.aggregates.values import Sum as Sum
from asof.features.aggregates.window_feature import WindowFeature as WindowFeature
