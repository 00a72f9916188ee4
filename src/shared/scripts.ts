/**
 * What runs inside Redis: each script is one step that nobody comes between. KEYS[1] is the key of the gateways; every
 * other key begins with the same `{aegis:SITE}:`. Time is that of the server, so that clocks of gateways do not matter.
 * Only commands that Redis 5 and Valkey have. Who calls them is not known here.
 *
 * `gateways`: a sorted set, from the ID of each gateway to the end of its lease. `places:ID`: a hash with what it holds.
 * `table:KIND` and `order:KIND`: records, and the order in which they changed. `guesses:KEY`: refusals in a minute.
 */

const HEAD = `
local base = string.sub(KEYS[1], 1, -9)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(number) return string.format('%.0f', number) end
local function isLive(id)
  local ends = redis.call('ZSCORE', KEYS[1], id)
  return ends and tonumber(ends) > now
end
local function drop(id)
  redis.call('ZREM', KEYS[1], id)
  redis.call('DEL', base .. 'places:' .. id)
end
`;

/** In full, because ACL users and proxies see it. */
export const SCRIPTS = {
  /** ARGV: ID, the ID of before, lease in ms, then each field and its count. */
  register: `${HEAD}
drop(ARGV[2])
redis.call('ZADD', KEYS[1], text(now + ARGV[3]), ARGV[1])
local places = base .. 'places:' .. ARGV[1]
for i = 4, #ARGV, 2 do redis.call('HSET', places, ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', places, ARGV[3])
redis.call('PEXPIRE', KEYS[1], 86400000)
return 0`,

  /**
   * ARGV: ID, lease in ms, then field and maximum (-1: none) of the modality, of all and of the upstream, and 1 where the
   * modality is only observed. A field may be empty. Answers -1: not registered, 0: taken, 1, 2 and 3: the modality, all or
   * the upstream has no place, 4: taken beyond the limit of the modality.
   */
  take: `${HEAD}
if not isLive(ARGV[1]) then return -1 end
local sums = {0, 0, 0}
local fields = {ARGV[3], ARGV[5], ARGV[7]}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. text(now), '+inf')) do
  local counts = redis.call('HMGET', base .. 'places:' .. id, fields[1], fields[2], fields[3])
  for i = 1, 3 do sums[i] = sums[i] + (tonumber(counts[i] or 0) or 0) end
end
local exceeds = {}
for i = 1, 3 do
  local max = tonumber(ARGV[i * 2 + 2])
  exceeds[i] = max >= 0 and sums[i] >= max
end
if exceeds[1] and ARGV[9] ~= '1' then return 1 end
if exceeds[2] then return 2 end
if exceeds[3] then return 3 end
local places = base .. 'places:' .. ARGV[1]
for i = 1, 3 do
  if fields[i] ~= '' then redis.call('HINCRBY', places, fields[i], 1) end
end
redis.call('PEXPIRE', places, ARGV[2])
return exceeds[1] and 4 or 0`,

  /** ARGV: ID, then the fields. */
  free: `${HEAD}
if not isLive(ARGV[1]) then return -1 end
local places = base .. 'places:' .. ARGV[1]
for i = 2, #ARGV do
  if redis.call('HINCRBY', places, ARGV[i], -1) <= 0 then redis.call('HDEL', places, ARGV[i]) end
end
return 0`,

  /** ARGV: ID. */
  leave: `${HEAD}
drop(ARGV[1])
return 0`,

  /**
   * Renews the lease, drops those that are over, and answers what has changed. ARGV: ID, lease in ms, how many records at
   * most of each kind, then each kind and the version up to which it is known. Answers -1 where the ID is not registered;
   * else how many gateways live, then for each kind a list: its version, then fields and values.
   */
  renew: `${HEAD}
if not isLive(ARGV[1]) then return -1 end
redis.call('ZADD', KEYS[1], text(now + ARGV[2]), ARGV[1])
redis.call('PEXPIRE', KEYS[1], 86400000)
redis.call('PEXPIRE', base .. 'places:' .. ARGV[1], ARGV[2])
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', text(now), 'LIMIT', 0, 100)) do drop(id) end
local answer = {redis.call('ZCARD', KEYS[1])}
for i = 4, #ARGV, 2 do
  local changed = redis.call('ZRANGEBYSCORE', base .. 'order:' .. ARGV[i], '(' .. ARGV[i + 1], '+inf',
    'WITHSCORES', 'LIMIT', 0, ARGV[3])
  local list = {changed[#changed] or ARGV[i + 1]}
  for j = 1, #changed, 2 do
    list[#list + 1] = changed[j]
    list[#list + 1] = redis.call('HGET', base .. 'table:' .. ARGV[i], changed[j]) or ''
  end
  answer[#answer + 1] = list
end
return answer`,

  /**
   * Puts records that are newer than what is there. ARGV: kind, how many there may be, how long they are kept in ms, then
   * each field, its moment and its value. Beyond the number, those that changed first go.
   */
  put: `${HEAD}
local records = base .. 'table:' .. ARGV[1]
local order = base .. 'order:' .. ARGV[1]
for i = 4, #ARGV, 3 do
  local known = redis.call('HGET', records, ARGV[i])
  local knownAt = known and tonumber(string.match(known, '^(%d+) ')) or -1
  if tonumber(ARGV[i + 1]) > knownAt then
    redis.call('HSET', records, ARGV[i], ARGV[i + 1] .. ' ' .. ARGV[i + 2])
    redis.call('ZADD', order, redis.call('INCR', base .. 'version'), ARGV[i])
  end
end
while redis.call('ZCARD', order) > tonumber(ARGV[2]) do
  redis.call('HDEL', records, redis.call('ZPOPMIN', order)[1])
end
for _, key in ipairs({records, order, base .. 'version'}) do redis.call('PEXPIRE', key, ARGV[3]) end
return 0`,

  /** Adds refusals up. ARGV: how many are too many, then each key and its count. Answers the keys that have so many. */
  guess: `${HEAD}
local over = {}
for i = 2, #ARGV, 2 do
  local guesses = base .. 'guesses:' .. ARGV[i]
  local count = redis.call('INCRBY', guesses, ARGV[i + 1])
  if count == tonumber(ARGV[i + 1]) then redis.call('PEXPIRE', guesses, 60000) end
  if count >= tonumber(ARGV[1]) then
    redis.call('DEL', guesses)
    over[#over + 1] = ARGV[i]
  end
end
return over`,
} as const;

export type ScriptName = keyof typeof SCRIPTS;
