"""Where the rows of a source come from: what is written as `reader=Files("orders/*.csv")`."""

from asof.features.readers.debezium import Debezium as Debezium
from asof.features.readers.delta import Delta as Delta
from asof.features.readers.dlt import Dlt as Dlt
from asof.features.readers.files import Files as Files
from asof.features.readers.iceberg import Iceberg as Iceberg
from asof.features.readers.kafka import Kafka as Kafka
from asof.features.readers.push import Push as Push
from asof.features.readers.python import Python as Python
from asof.features.readers.reader import Reader as Reader
from asof.features.readers.snapshot import Snapshot as Snapshot
from asof.features.readers.sql import Sql as Sql
