-- Take from all buckets and places, or from none where one is short. One round trip, on Redis' own clock.
-- KEYS: the buckets, then the places. ARGV: count of buckets, limit and need of each, limit of each place,
-- the call's id, seconds a place is kept, seconds in which an empty bucket fills.
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local count = tonumber(ARGV[1])
local places = #KEYS - count
local id, keep, window = ARGV[#ARGV - 2], tonumber(ARGV[#ARGV - 1]), tonumber(ARGV[#ARGV])
local is_given = true
local levels, running = {}, {}
for i = 1, count do
  local limit, need = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local kept = redis.call('HMGET', KEYS[i], 'level', 'at')
  local level = limit
  if kept[1] then
    level = math.min(limit, tonumber(kept[1]) + math.max(now - tonumber(kept[2]), 0) * limit / window)
  end
  levels[i] = level
  if level + 0.000001 < need then is_given = false end
end
for i = 1, places do
  local key = KEYS[count + i]
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  running[i] = redis.call('ZCARD', key)
  if running[i] >= tonumber(ARGV[1 + 2 * count + i]) then is_given = false end
end
if is_given then
  for i = 1, count do
    local limit = tonumber(ARGV[2 * i])
    levels[i] = levels[i] - tonumber(ARGV[2 * i + 1])
    redis.call('HSET', KEYS[i], 'level', string.format('%.6f', levels[i]), 'at', string.format('%.6f', now))
    redis.call('EXPIRE', KEYS[i], math.ceil((limit - levels[i]) * window / limit) + 1)
  end
  for i = 1, places do
    redis.call('ZADD', KEYS[count + i], now + keep, id)
    redis.call('EXPIRE', KEYS[count + i], math.ceil(keep) + 1)
  end
end
for i = 1, count do levels[i] = string.format('%.6f', levels[i]) end
return {is_given and 1 or 0, levels, running}
