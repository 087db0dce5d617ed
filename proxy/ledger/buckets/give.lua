-- Put amounts back into buckets (less than 0 takes more), and free places.
-- KEYS: the buckets, then the places to free. ARGV: count of buckets, limit and amount of each, the call's id,
-- seconds in which an empty bucket fills.
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local count = tonumber(ARGV[1])
local id, window = ARGV[#ARGV - 1], tonumber(ARGV[#ARGV])
for i = 1, count do
  local limit, amount = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local kept = redis.call('HMGET', KEYS[i], 'level', 'at')
  local level = limit
  if kept[1] then
    level = math.min(limit, tonumber(kept[1]) + math.max(now - tonumber(kept[2]), 0) * limit / window)
  end
  level = math.min(limit, level + amount)
  redis.call('HSET', KEYS[i], 'level', string.format('%.6f', level), 'at', string.format('%.6f', now))
  redis.call('EXPIRE', KEYS[i], math.ceil((limit - level) * window / limit) + 1)
end
for i = count + 1, #KEYS do redis.call('ZREM', KEYS[i], id) end
