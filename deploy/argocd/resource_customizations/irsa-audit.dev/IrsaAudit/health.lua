-- The health of an IrsaAudit, by the same rules as kstatus: Healthy once it is audited as it stands and works, Degraded
-- once the same cause has broken it for two minutes, Progressing until then and while something cannot be seen.
local health = {status = "Progressing", message = "not audited yet"}

if obj.spec ~= nil and obj.spec.suspend == true then
  health.status = "Suspended"
  health.message = "spec.suspend is set"
  return health
end

local status = obj.status
if status == nil or status.conditions == nil or status.observedGeneration ~= obj.metadata.generation then
  return health
end

local conditions = {}
for _, condition in ipairs(status.conditions) do
  conditions[condition.type] = condition.status
end

health.message = status.reason or ""
if status.message ~= nil and status.message ~= "" then
  health.message = health.message .. ": " .. status.message
end
if conditions.Ready == "True" then
  health.status = "Healthy"
elseif conditions.Stalled == "True" then
  health.status = "Degraded"
end
return health
