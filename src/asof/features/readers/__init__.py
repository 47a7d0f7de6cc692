"""Where the rows of a source come from: what is written as `reader=Files("orders/*.csv")`."""

from asof.features.readers.files import Files as Files
from asof.features.readers.reader import Reader as Reader
