// 7. Client and server, the client's side: everything that knows the secret key.
//
//   7_client keys             makes letters/client/secret.key, which stays, and letters/sent/server.keys
//   7_client ask banan        encrypts a text into letters/sent/request
//   7_server                  computes on it, without any key that opens it: letters/sent/reply
//   7_client read banan       decrypts the reply
//
// The client has the folder letters/plan/client of example 6: how to pack and which keys to make, but no weights.
// Option --allow-insecure: for a plan in a small ring, which the client refuses otherwise.
#include <fmt/format.h>

#include <exception>
#include <filesystem>
#include <string>
#include <vector>

#include "letters.h"
#include "narration.h"
#include "polyformer/ckks/client/secret_key_serialization.h"
#include "polyformer/service/client.h"
#include "polyformer/support/system/process.h"
#include "polyformer/support/system/progress.h"

using namespace polyformer;

namespace {

const std::filesystem::path kSecret = "letters/client/secret.key";  // never leaves the client
const std::filesystem::path kServerKeys = "letters/sent/server.keys";
const std::filesystem::path kRequest = "letters/sent/request";
const std::filesystem::path kReply = "letters/sent/reply";

std::string bytes(std::size_t count) {
    return format_bytes(static_cast<double>(count));
}

void make_keys(const service::ClientPlan& plan, service::WeakParameters weak) {
    std::filesystem::create_directories(kSecret.parent_path());
    std::filesystem::create_directories(kServerKeys.parent_path());
    const Stopwatch watch;
    const service::KeyFiles files = service::create_keys(plan, kSecret, kServerKeys, weak);
    fmt::print("{:<26} {:>10}   readable by its owner only\n", kSecret.string(), bytes(files.secret_bytes));
    fmt::print("{:<26} {:>10}   for the server, once; made in {:.1f} s\n", kServerKeys.string(),
               bytes(files.server_bytes), watch.seconds());
}

void ask(const service::ClientPlan& plan, const std::string& text) {
    const ckks::SecretKey secret = ckks::load_secret_key(kSecret, plan.frame.parameters);
    const model::Embedding embedding = model::load_embedding("letters/plan/client");
    const service::Request request = service::make_request(plan, secret, embedding, examples::ids_of(text));
    const std::size_t size = service::save_request(kRequest, plan.frame.parameters, request);
    fmt::print("'{}' is encrypted in {} ({}); that it has {} letters is not secret\n", text, kRequest.string(),
               bytes(size), text.size());
}

void read(const service::ClientPlan& plan, const std::string& text) {
    const ckks::SecretKey secret = ckks::load_secret_key(kSecret, plan.frame.parameters);
    // A reply to another request is refused here; one that cannot be this plan's, before its ciphertexts are read.
    const service::Asked asked = service::load_asked(kRequest, plan.frame.parameters);
    const service::Reply reply = service::load_reply(kReply, plan, secret, asked);
    const service::PrivateLogits opened = service::open_reply(plan, secret, reply, asked);
    // Logits do not print by themselves: exact ones are for their owner's eyes (SECURITY.md).
    const auto exact = opened.exact_for_data_owner();
    const std::vector<double> logits(exact.begin(), exact.end());
    fmt::print("the reply ({}) says: after '{}' comes {}\n", bytes(std::filesystem::file_size(kReply)), text,
               examples::describe(logits));
    examples::check("against counting in the clear", examples::largest_error(logits, examples::expected_logits(text)),
                    0.05);
}

}  // namespace

int main(int argc, char** argv) try {
    std::vector<std::string> words(argv + 1, argv + argc);
    const bool insecure = std::erase(words, "--allow-insecure") > 0;
    examples::require_folder("letters/plan/client", "6_from_graph_to_plan");
    const service::ClientPlan plan = service::load_client_plan("letters/plan/client");
    if (insecure) fmt::print("INSECURE parameters are allowed: for tests only\n");
    if (words.size() == 1 && words[0] == "keys") {
        make_keys(plan, insecure ? service::WeakParameters::allow : service::WeakParameters::refuse);
    } else if (words.size() == 2 && words[0] == "ask") {
        ask(plan, words[1]);
    } else if (words.size() == 2 && words[0] == "read") {
        read(plan, words[1]);
    } else {
        fail("usage: {0} keys | {0} ask TEXT | {0} read TEXT, with --allow-insecure for plans in a small ring",
             argv[0]);
    }
    return 0;
} catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
}
