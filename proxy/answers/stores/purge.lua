-- Forgets a tenant's answers that fit everything given; with `gone`, keeps nothing more for that many seconds.
-- KEYS: by use, by age, sizes   ARGV: prefix, id, model, tag, gone
local count = 0
for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local known = redis.call('HMGET', ARGV[1] .. name, 'id', 'model', 'tag', 'rest')
  local fits = true
  for place = 1, 3 do
    if ARGV[place + 1] ~= '' and ARGV[place + 1] ~= known[place] then fits = false end
  end
  if fits then
    if known[4] and known[4] ~= '' then redis.call('ZREM', ARGV[1] .. 'near:' .. known[4], name) end
    count = count + redis.call('DEL', ARGV[1] .. name)
    redis.call('ZREM', KEYS[1], name)
    redis.call('ZREM', KEYS[2], name)
    local size = redis.call('HGET', KEYS[3], name)
    if size then redis.call('HINCRBY', KEYS[3], 'all', -tonumber(size)) end
    redis.call('HDEL', KEYS[3], name)
  end
end
if tonumber(ARGV[5]) > 0 then
  redis.call('DEL', KEYS[3])
  redis.call('SET', ARGV[1] .. 'gone', '1', 'EX', ARGV[5])
end
return count
