-- Books once for each line of the file WANTED (token, slot, person) and writes every answer to ANSWERS.
local wanted, answers
local sent = 0

function init()
  wanted = io.open(os.getenv("WANTED"), "r")
  answers = io.open(os.getenv("ANSWERS"), "w")
  answers:setvbuf("full", 1048576)
end

function request()
  local line = wanted:read("*l")
  if not line then
    return wrk.format("GET", "/healthz")
  end
  sent = sent + 1
  local token, slot, person = line:match("^(%S+) (%S+) (%S+)$")
  return wrk.format("POST", "/v1/bookings", {
    ["Authorization"] = "Bearer " .. token,
    ["Content-Type"] = "application/json",
    ["Idempotency-Key"] = os.getenv("RUN") .. "-" .. sent,
  }, '{"slot_id":"' .. slot .. '","person_id":"' .. person .. '"}')
end

function response(status, _, body)
  local id = body:match('"id":"([^"]+)"') or "-"
  local code = body:match('"code":"([^"]+)"') or "-"
  answers:write(status, " ", id, " ", code, "\n")
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    "RESULT %d %d %d %d\n", summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.timeout))
end
