-- Arguments: the body, a word unique to this run, the authorization header.
-- Every "@unique@" in the body becomes run-thread-counter, so that no two bodies are equal.
-- It has the same length each time, so the head (content-length) is formatted once.

local threads = 0

function setup(thread)
   threads = threads + 1
   thread:set("number", threads)
end

local before, after, prefix
local counter = 0

function init(args)
   local mark = "@unique@"
   prefix = string.format("%s-%02d-", args[2], number)
   local filler = prefix .. string.rep("0", 9)
   local headers = { ["content-type"] = "application/json", ["authorization"] = args[3] }
   local body = args[1]
   local at = string.find(body, mark, 1, true)
   if not at then
      before = wrk.format("POST", nil, headers, body)
      return
   end
   local whole = wrk.format("POST", nil, headers, (string.gsub(body, mark, filler)))
   local from, to = string.find(whole, filler, 1, true)
   before, after = string.sub(whole, 1, from - 1) .. prefix, string.sub(whole, to + 1)
end

function request()
   if not after then
      return before
   end
   counter = counter + 1
   return before .. string.format("%09d", counter) .. after
end

function done(summary, latency, requests)
   local e = summary.errors
   io.write(string.format(
      'RESULT {"requests":%d,"microseconds":%d,"bytes":%d,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\n',
      summary.requests, summary.duration, summary.bytes, e.connect, e.read, e.write, e.status, e.timeout))
end
