// What a client has to know of a plan: how to pack its input, what the reply holds, which parameters and keys. No
// weights and no steps, so the model stays with its owner.
//
//     service::save_client_plan(service::client_plan(plan), "plan/client");                       // the model's owner
//     const service::ClientPlan plan = service::load_client_plan("plan/client");                  // the client
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "polyformer/compile/plan/plan.h"

namespace polyformer::service {

/// All of client.json.
struct ClientPlan {
    compile::Frame frame;
    ckks::KeyRequest keys;    ///< to make for the server
    double output_noise = 0;  ///< standard deviation of a logit that the plan foresees (runtime::foreseen_noise)
    /// BLAKE2b-256 of all the rest of client.json: binds requests and replies to the plan. Not of the noise, an
    /// estimate, whose last bit may depend on the machine.
    std::string fingerprint;
};

/// The client's view of a whole plan.
ClientPlan client_plan(const compile::Plan& plan);
/// Its fingerprint alone.
std::string client_plan_fingerprint(const compile::Plan& plan);

/// As JSON text, the same for equal plans.
std::string to_json(const ClientPlan& plan);
/// Throws FormatError naming `label`, the field, what was expected and what was found; Error when the parameters break
/// a rule.
ClientPlan client_plan_from_json(std::string_view text, const std::string& label);

inline constexpr std::string_view kClientPlanFile = "client.json";

/// Writes client.json into `directory`, made if need be. Throws IoError when that fails.
void save_client_plan(const ClientPlan& plan, const std::filesystem::path& directory);
/// Throws IoError when there is no such file, and as client_plan_from_json() does.
ClientPlan load_client_plan(const std::filesystem::path& directory);

}  // namespace polyformer::service
