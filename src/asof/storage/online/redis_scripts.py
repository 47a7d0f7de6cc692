"""What a Redis server does by itself in one step, so that nobody comes between looking and writing.

Event times are compared by their two halves: a number of Lua is a double, and does not hold
nanoseconds exactly. Every script may be run twice, as when the answer was lost.
"""

from __future__ import annotations

_COMPARE = """
local function before(one, other)
  local low, high = struct.unpack('<I4i4', one, 2)
  local other_low, other_high = struct.unpack('<I4i4', other, 2)
  return high < other_high or high == other_high and low < other_low
end
"""

GONE = -1

UPSERT = (
    _COMPARE
    + """
-- KEYS: view, its rows, its marks. ARGV: generation, then key and row by turns.
-- The number of rows that were not older than those there (P7); -1 when another generation is live.
local view, rows, marks = KEYS[1], KEYS[2], KEYS[3]
if redis.call('HGET', view, 'generation') ~= ARGV[1] then return -1 end
local count = (#ARGV - 1) / 2
local mark = redis.call('HINCRBY', view, 'marks', count) - count
local written = 0
for at = 2, #ARGV, 2 do
  local key, row = ARGV[at], ARGV[at + 1]
  local present = redis.call('HGET', rows, key)
  if not present or not before(row, present) then
    written = written + 1
    redis.call('HSET', rows, key, row)
    redis.call('ZADD', marks, string.format('%.0f', mark + written), key)
  end
end
return written
"""
)

DONE, OVERTAKEN = b"done", b"overtaken"

TURN_OVER = (
    _COMPARE
    + """
-- KEYS: view, old rows, old marks, new rows, new marks.
-- ARGV: generation, its record, as_of (as a row has its time), the mark to go on after, rows at most.
-- Carries upserted rows that are newer than what is published to the new generation, in the order of
-- their marks, and gives the last mark when there may be more; at the end makes the generation live.
local view, old, old_marks, new, new_marks = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
if redis.call('HGET', view, 'building') ~= ARGV[1] then
  if redis.call('HGET', view, 'generation') == ARGV[1] then return 'done' end
  return 'overtaken'
end
local most = tonumber(ARGV[5])
local marked = redis.call('ZRANGEBYSCORE', old_marks, '(' .. ARGV[4], '+inf', 'WITHSCORES', 'LIMIT', 0, most)
for at = 1, #marked, 2 do
  local key, mark = marked[at], marked[at + 1]
  local row = redis.call('HGET', old, key)
  local carried = redis.call('ZSCORE', new_marks, key)
  if carried or before(redis.call('HGET', new, key) or ARGV[3], row) then
    redis.call('HSET', new, key, row)
    redis.call('ZADD', new_marks, mark, key)
  end
end
if #marked == 2 * most then return marked[#marked] end
redis.call('HSET', view, 'before', redis.call('HGET', view, 'since') or 0)
redis.call('HSET', view, 'live', ARGV[2], 'generation', ARGV[1], 'since', ARGV[1])
redis.call('HDEL', view, 'building')
return 'done'
"""
)

ADVANCE = (
    _COMPARE
    + """
-- KEYS: view, its rows, its marks. ARGV: generation, then key and row by turns.
-- Writes rows of the view's table unless those there are newer (P7); -1 when another generation is live.
local view, rows, marks = KEYS[1], KEYS[2], KEYS[3]
if redis.call('HGET', view, 'generation') ~= ARGV[1] then return -1 end
for at = 2, #ARGV, 2 do
  local key, row = ARGV[at], ARGV[at + 1]
  local present = redis.call('HGET', rows, key)
  if not present or not before(row, present) then
    redis.call('HSET', rows, key, row)
    redis.call('ZREM', marks, key)
  end
end
return 0
"""
)

ADVANCED = """
-- KEYS: view. ARGV: generation, the next one, its record.
-- Makes the live generation the next one, whose rows it has; -1 when another is live.
local live = redis.call('HGET', KEYS[1], 'generation')
if live == ARGV[2] then return 0 end
if live ~= ARGV[1] then return -1 end
redis.call('HSET', KEYS[1], 'live', ARGV[3], 'generation', ARGV[2])
return 0
"""

ABANDON = """
-- KEYS: view. ARGV: generation. It is not built any more.
if redis.call('HGET', KEYS[1], 'building') == ARGV[1] then redis.call('HDEL', KEYS[1], 'building') end
return 0
"""
