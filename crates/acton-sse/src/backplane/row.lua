-- What both scripts know of the row.
-- KEYS: the stream, the name of its epoch.
local stream, name = KEYS[1], KEYS[2]

local function is_before(one, other)
  local one_time, one_count = string.match(one, '(%d+)-(%d+)')
  local time, count = string.match(other, '(%d+)-(%d+)')
  if one_time ~= time then return tonumber(one_time) < tonumber(time) end
  return tonumber(one_count) < tonumber(count)
end

local function state()
  local info = {}
  local flat = redis.call('XINFO', 'STREAM', stream)
  for at = 1, #flat, 2 do info[flat[at]] = flat[at + 1] end
  return info
end

-- Whether the row has this record, or has dropped it from its beginning. A row that came back from an older copy
-- may have gone on since, and lacks it in the middle.
local function has(id)
  if redis.call('XRANGE', stream, id, id)[1] then return true end
  local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
  if first then return is_before(id, first[1]) end
  return not is_before(state()['last-generated-id'], id)
end
