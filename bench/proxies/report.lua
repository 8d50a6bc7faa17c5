-- What wrk saw, as a line of JSON.
local body = os.getenv("BODY_BYTES")
if body then
  wrk.method = "PUT"
  wrk.body = string.rep("x", tonumber(body))
end
done = function(summary, latency)
  local wrong = summary.errors
  print(string.format(
    '{"requests": %d, "seconds": %.6f, "p50": %.1f, "p99": %.1f, "p999": %.1f, "errors": %d}',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99), latency:percentile(99.9),
    wrong.connect + wrong.read + wrong.write + wrong.status + wrong.timeout))
end
