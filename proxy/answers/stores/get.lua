-- One answer, which counts as used now.   KEYS: answer, by use   ARGV: key, now
local fields = redis.call('HGETALL', KEYS[1])
if #fields > 0 then redis.call('ZADD', KEYS[2], 'XX', ARGV[2], ARGV[1]) end
return fields
