-- Sends prepared requests, each once, and stops sending early enough to hear every answer.
-- Arguments: file of requests, seconds to send for.
-- The file holds, for each request, its length in bytes, a line feed, and the request.

local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds; long nanoseconds; } bench_moment;
  int clock_gettime(int clock, bench_moment *moment);
]]

local moment = ffi.new("bench_moment")
local function now()
  ffi.C.clock_gettime(1, moment)
  return tonumber(moment.seconds) + tonumber(moment.nanoseconds) / 1e9
end

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

local requests, seconds = {}, 0
local is_checked = false
sent, answered, began, ended = 0, 0, 0, 0
statuses = ""
local counts = {}

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  local length = file:read("*n")
  while length do
    file:read(1)
    table.insert(requests, file:read(length))
    length = file:read("*n")
  end
  file:close()
  seconds = tonumber(arguments[2])
end

function delay()
  if began == 0 then
    began = now()
  end
  if sent >= #requests or now() - began > seconds then
    return 1000000
  end
  return 0
end

function request()
  if not is_checked then -- wrk looks at one request before it begins
    is_checked = true
    return requests[1]
  end
  sent = sent + 1
  return requests[math.min(sent, #requests)]
end

function response(status)
  answered = answered + 1
  ended = now()
  counts[status] = (counts[status] or 0) + 1
  local parts = {}
  for code, count in pairs(counts) do
    table.insert(parts, string.format('"%d": %d', code, count))
  end
  statuses = table.concat(parts, ", ")
end

function done(summary, latency)
  local thread = threads[1]
  print(string.format(
    'RESULT {"sent": %d, "answered": %d, "seconds": %.6f, "p50": %.3f, "p99": %.3f, "statuses": {%s}}',
    thread:get("sent"), thread:get("answered"), thread:get("ended") - thread:get("began"),
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, thread:get("statuses")
  ))
end
