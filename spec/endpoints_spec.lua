-- A remote operation is one row. Its words in README.md, its annotations in
-- types.lua and its answer in the stand-in are written by hand, elsewhere:
-- here is what keeps the four in step.

local check = require "plexauth.check"
local endpoints = require "plexauth.endpoints"
local mock = require "plexauth.mock"
local plexauth = require "plexauth"

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

local function sorted_keys(set)
  local keys = {}
  for key in pairs(set) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

--------------------------------------------------------------------- the rows

local row_fields = {
  name = "string", sdk = "string", verb = "string", base = "string",
  path = "string", success = "number", token = "string", args = "table",
  once = "boolean", known = "table", -- known: what request.lua remembers
}

local arg_fields = {
  name = "string", place = "string", wire = "string", check = "string",
  required = "boolean", secret = "boolean", values = "table", default = "any",
}

local allowed = {
  verb = { GET = true, POST = true },
  base = { server = true, account = true },
  token = { optional = true, required = true, never = true },
  place = { query = true, form = true, header = true },
}

---A typing error in a row would be a rule that holds for nobody.
local function is_well_formed(given, fields)
  for name, value in pairs(given) do
    local wanted = fields[name]
    assert.is_truthy(wanted, name)
    assert.is_true(wanted == "any" or wanted == type(value), name)
    assert.is_true(not allowed[name] or allowed[name][value], name)
  end
end

describe("plexauth.endpoints", function()
  it("has well-formed rows", function()
    for _, row in ipairs(endpoints) do
      is_well_formed(row, row_fields)
      for _, arg in ipairs(row.args) do
        is_well_formed(arg, arg_fields)
        assert.equal("function", type(check[arg.check]))
        assert.is_true(arg.place ~= "form" or row.verb == "POST")
      end
      for _, name in ipairs { "name", "sdk", "verb", "base", "path", "success",
        "token", "args" } do
        assert.is_not_nil(row[name], name)
      end
    end
  end)

  it("has the four operations of the seed, under its names", function()
    local rows = {}
    for i, row in ipairs(endpoints) do
      rows[i] = table.concat({ row.name, row.sdk, row.verb, row.path,
        row.success, row.token }, " ")
    end
    assert.same({
      "get_transient_token GetTransientToken GET /security/token 200 optional",
      "get_source_connection_information GetSourceConnectionInformation GET "
        .. "/security/resources 200 optional",
      "get_token_details GetTokenDetails GET /user 200 required",
      "post_users_sign_in_data PostUsersSignInData POST /users/signin 201 "
        .. "never",
    }, rows)
  end)
end)

---------------------------------------------------------------- types.lua

---@return table<string, { parent: string?, fields: table<string, string> }>
local function classes_of(text)
  local classes, class = {}, nil
  for line in text:gmatch("[^\n]+") do
    local name, parent = line:match("^%-%-%-@class ([%w.]+)[ :]*([%w.]*)")
    if name then
      class = { parent = parent, fields = {} }
      classes[name] = class
    end
    local field, optional = line:match("^%-%-%-@field ([%w_]+)(%??) ")
    if field and class then class.fields[field] = optional end
    if not line:find("^%-%-%-") then class = nil end
  end
  return classes
end

---The comment above a method, or nil.
local function comment_above(text, name)
  local comment = ""
  for line in text:gmatch("([^\n]*)\n") do
    if line:find("function client:" .. name .. "(", 1, true) then
      return comment
    end
    comment = line:find("^%-%-%-") and comment .. line .. "\n" or ""
  end
end

---A required argument has no question mark, unless `new` may have given it.
local function marks_of(row)
  local marks = {}
  for _, arg in ipairs(row.args) do
    local here = arg.required and arg.place ~= "header"
    marks[arg.name] = here and "" or "?"
  end
  return marks
end

local function needs_args(row)
  for _, mark in pairs(marks_of(row)) do
    if mark == "" then return true end
  end
  return false
end

---------------------------------------------------------------- the stand-in

-- What the stand-in takes where not just any value will do.
local answers = {
  login = "user@example.com", password = "secret", client_id = "spec",
}

local function required_args(row)
  local args = {}
  for _, arg in ipairs(row.args) do
    if arg.required then args[arg.name] = answers[arg.name] or "x" end
  end
  return args
end

describe("rows, README, types and stand-in", function()
  local readme, types = read "README.md", read "lua/plexauth/types.lua"
  local classes = classes_of(types)

  for _, row in ipairs(endpoints) do
    it("agree in README.md on " .. row.name, function()
      assert.is_truthy(readme:find("`plex:" .. row.name, 1, true))
      for _, arg in ipairs(row.args) do
        assert.is_truthy(readme:find("`" .. arg.name .. "`", 1, true), arg.name)
      end
    end)

    it("agree in types.lua on " .. row.name, function()
      local comment = comment_above(types, row.name)
      assert.is_truthy(comment)
      local mark, name = comment:match("@param args(%??) ([%w.]+)")
      local class = classes[name]
      assert.equal("plexauth.CallOptions", class.parent)
      assert.same(marks_of(row), class.fields)
      assert.equal(needs_args(row) and "" or "?", mark)
      assert.is_truthy(comment:find("@return plexauth%.%w+%? result\n"))
    end)
  end

  it("agree on no further method", function()
    local names = {}
    for name in types:gmatch("function client:([%w_]+)") do
      names[name] = true
    end
    for _, row in ipairs(endpoints) do names[row.name] = nil end
    assert.same({ "close" }, sorted_keys(names))
  end)

  it("agree on what every call takes for itself", function()
    assert.same({ "access_token", "retries", "server_url", "timeout" },
      sorted_keys(classes["plexauth.CallOptions"].fields))
    for name in pairs(classes["plexauth.CallOptions"].fields) do
      assert.is_truthy(readme:find("`" .. name .. "`", 1, true), name)
    end
  end)

  it("agree on the options of plexauth.new", function()
    for name in pairs(classes["plexauth.Options"].fields) do
      local options = { resolve = 1 }
      options[name] = options[name] or {}
      local _, message = pcall(plexauth.new, options)
      assert.is_nil(message:find("unknown field", 1, true), message)
      assert.is_truthy(readme:find("`" .. name .. "`", 1, true), name)
    end
  end)

  describe("where it answers", function()
    local server, plex

    setup(function()
      server = mock.start()
      plex = plexauth.new {
        access_token = "mock-token", server_url = server.url,
        account_url = server.url,
      }
    end)

    teardown(function()
      plex:close()
      server:stop()
    end)

    for _, row in ipairs(endpoints) do
      it("agree on " .. row.name, function()
        local result, response = plex[row.name](plex, required_args(row))
        assert.is_truthy(result, tostring(response))
        assert.equal(row.success, response.status)
        local requests = server:requests()
        local newest = requests[#requests]
        assert.same({ row.verb, row.path }, { newest.method, newest.path })
      end)
    end
  end)
end)
