-- wrk's requests for conversations of two turns: whoever has an answer to a first turn goes on with its snapshot. A second
-- turn is known by what it says, for the model says it again.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"

local first = '{"key":"/agent/echo","init":{},"input":{"message":{"role":"user","content":[{"text":"first"}]}}}'
local second = '{"key":"/agent/echo","init":{"snapshotId":"%s"},"input":{"message":{"role":"user","content":[{"text":"second"}]}}}'
local waiting = {}
local finished = 0

function request()
	local id = table.remove(waiting)
	return wrk.format(nil, nil, nil, id and second:format(id) or first)
end

function response(status, headers, body)
	local id = body:match('"snapshotId":"([^"]+)"')
	if status ~= 200 or not id or not body:find('"finishReason":"stop"', 1, true) then
		io.stderr:write("no turn: ", body:sub(1, 300), "\n")
		os.exit(1)
	end
	if body:find('"text":"first"', 1, true) then
		table.insert(waiting, id)
	else
		finished = finished + 1
	end
end

function done() end
