// 7. Client and server, the server's side. It includes and links nothing that knows what a secret key is: see 7_client.
//
// It has the folder letters/plan/server of example 6 (weights and steps), the client's evaluation keys and a request,
// none of which opens the text or the answer.
#include <fmt/format.h>

#include <exception>
#include <map>
#include <string>

#include "polyformer/compile/plan_files.h"
#include "polyformer/service/server.h"
#include "polyformer/support/system/progress.h"

using namespace polyformer;

int main() try {
    // Compiles the graph again and refuses a plan that says anything else.
    const compile::Plan plan = compile::load_plan("letters/plan/server");
    const auto keys =
        service::load_server_keys("letters/sent/server.keys", plan);  // or an Error that lists what differs
    const service::Request request = service::load_request("letters/sent/request", plan, keys->key_fingerprint);
    fmt::print("server: {} of keys, {} ciphertext(s) for {} letters, which it cannot read\n",
               format_bytes(static_cast<double>(keys->bytes())), request.inputs.size(), request.lengths.front());

    const service::Inference inference = service::infer(plan, keys, request);
    service::save_reply("letters/sent/reply", plan.frame.parameters, inference.reply);

    fmt::print("{} steps in {:.2f} s, of which\n", plan.steps.size(), inference.seconds);
    for (const auto& [operation, times] : inference.profile.by_operation()) {
        fmt::print("  {:<18} {:>6.2f} s\n", operation, times.seconds);
    }
    fmt::print("  the rest made bootstrapping ready; peak memory {}\n",
               format_bytes(static_cast<double>(inference.peak_resident_bytes)));
    fmt::print("reply written, encrypted under the client's key\n");
    return 0;
} catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
}
