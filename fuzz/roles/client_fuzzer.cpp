// Input: a program of edits of a reply (container_edits.h), whose checksums stay valid. What is read as the plan's
// reply is opened; logits that come out are finite and within the plan's bounds. Everything else is an Error.
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "fuzz/roles/container_edits.h"
#include "fuzz/roles/tiny_roles.h"
#include "fuzz/scratch_file.h"
#include "polyformer/ckks/files/evaluation_key_serialization.h"
#include "polyformer/service/client.h"
#include "polyformer/service/reply_check.h"
#include "polyformer/service/server.h"
#include "polyformer/support/error.h"

namespace {

using namespace polyformer;

fuzz::Container sound_reply() {
    const fuzz::TinyRoles& roles = fuzz::tiny_roles();
    const ckks::Parameters& parameters = roles.plan.frame.parameters;
    const auto keys = std::make_shared<const ckks::EvaluationKeys>(
        ckks::read_evaluation_keys(ckks::MemorySource(roles.key_file), parameters));
    ckks::MemorySink sink;
    service::write_reply(sink, parameters, service::infer(roles.plan, keys, roles.request).reply);
    return fuzz::take_apart(sink.bytes());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const fuzz::TinyRoles& roles = fuzz::tiny_roles();
    const ckks::Parameters& parameters = roles.plan.frame.parameters;
    static const fuzz::Container sound = sound_reply();
    fuzz::Program program(data, size);
    const bool asked = program.byte() % 2 == 0;
    fuzz::Container reply = sound;
    const int edits = program.edits();
    for (int i = 0; i < edits && !program.finished(); ++i) {
        if (program.byte() % 2 == 0) {
            fuzz::edit(program, reply);
        } else {
            fuzz::edit_ciphertext(program, parameters, reply);
        }
    }
    const std::vector<std::byte> file = fuzz::put_together(reply);
    const auto path = fuzz::scratch_file(reinterpret_cast<const std::uint8_t*>(file.data()), file.size());
    try {
        const std::optional<service::Asked> expected = asked ? std::optional(roles.request.asked()) : std::nullopt;
        const service::Reply read = service::load_reply(path, roles.client, roles.secret, expected);
        const service::PrivateLogits logits = service::open_reply(roles.client, roles.secret, read, expected);
        logits.most_likely(0, 3);
        for (const double logit : logits.exact_for_data_owner()) {
            if (std::isfinite(logit) && std::abs(logit) <= 2 * service::kBoundSlack * roles.client.frame.output_bound) {
                continue;
            }
            std::fprintf(stderr, "a logit of %g passed\n", logit);
            std::abort();
        }
    } catch (const Error&) {
    }
    return 0;
}
