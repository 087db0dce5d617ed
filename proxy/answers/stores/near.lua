-- The newest answers to like questions.   KEYS: those alike   ARGV: prefix, now, most
local found = {}
for _, name in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, ARGV[3] - 1)) do
  local known = redis.call('HMGET', ARGV[1] .. name, 'id', 'created_at', 'key_version', 'likeness', 'expires_at')
  if not known[1] then
    redis.call('ZREM', KEYS[1], name)
  elseif tonumber(known[5]) > tonumber(ARGV[2]) then
    found[#found + 1] = {name, known[1], known[2], known[3], known[4]}
  end
end
return found
