
-- Appends records in order, each with the id before it; nothing when the row is not the one that the caller knows.
-- ARGV: the epoch and the last id that the caller has seen, how many records to keep, and the records.
if redis.call('EXISTS', stream) == 0 or redis.call('GET', name) ~= ARGV[1] or not has(ARGV[2]) then
  return {}
end

local ids, last = {}, state()['last-generated-id']
for at = 4, #ARGV do
  last = redis.call('XADD', stream, 'MAXLEN', '~', ARGV[3], '*', 'record', ARGV[at], 'after', last)
  ids[at - 3] = last
end
return ids
