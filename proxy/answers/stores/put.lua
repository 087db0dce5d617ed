-- Keeps one answer; drops what is too old, then what was not used for longest, down to the tenant's share.
-- KEYS: answer, by use, by age, sizes   ARGV: prefix, key, rest, now, expires_at, bytes, most_bytes, field, value, …
if redis.call('EXISTS', ARGV[1] .. 'gone') == 1 then return end
local function drop(name)
  local rest = redis.call('HGET', ARGV[1] .. name, 'rest')
  if rest and rest ~= '' then redis.call('ZREM', ARGV[1] .. 'near:' .. rest, name) end
  redis.call('DEL', ARGV[1] .. name)
  redis.call('ZREM', KEYS[2], name)
  redis.call('ZREM', KEYS[3], name)
  local size = redis.call('HGET', KEYS[4], name)
  if size then redis.call('HINCRBY', KEYS[4], 'all', -tonumber(size)) end
  redis.call('HDEL', KEYS[4], name)
end
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', ARGV[4], 'LIMIT', 0, 100)) do drop(name) end
drop(ARGV[2])
local ends = math.floor(ARGV[5] * 1000)
redis.call('HSET', KEYS[1], unpack(ARGV, 8))
redis.call('PEXPIREAT', KEYS[1], ends)
if ARGV[3] ~= '' then
  local near = ARGV[1] .. 'near:' .. ARGV[3]
  redis.call('ZADD', near, ARGV[4], ARGV[2])
  redis.call('PEXPIREAT', near, ends)
end
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[2])
redis.call('ZADD', KEYS[3], ARGV[5], ARGV[2])
redis.call('HSET', KEYS[4], ARGV[2], ARGV[6])
local total = redis.call('HINCRBY', KEYS[4], 'all', ARGV[6])
while total > tonumber(ARGV[7]) do
  local oldest = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
  if not oldest then break end
  drop(oldest)
  total = tonumber(redis.call('HGET', KEYS[4], 'all') or 0)
end
