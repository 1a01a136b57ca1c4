-- SPDX-License-Identifier: MIT
-- churn.lua SCALE: trees of small tables that come and go, and strings put together.
local function tree(depth)
	if depth == 0 then return {} end
	return {tree(depth - 1), tree(depth - 1)}
end

local function count(node)
	return node[1] and 1 + count(node[1]) + count(node[2]) or 1
end

local nodes, kept = 0, {}
for i = 1, math.floor(60 * tonumber(arg[1])) do
	nodes = nodes + count(tree(12))
	kept[i % 8] = tree(10)
	local words = {}
	for j = 1, 2000 do words[j] = "word " .. (i * j) % 977 end
	table.sort(words)
	nodes = nodes + #table.concat(words, " ")
end
print(nodes)
