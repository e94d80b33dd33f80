// Input: a program of edits of a key file and of a request (container_edits.h), whose checksums stay valid. Keys that
// parse are used by an evaluator, whatever the plan wants of them; keys and a request that pass as the plan's run
// through the whole plan. Everything else is an Error.
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "fuzz/ckks/use_keys.h"
#include "fuzz/roles/container_edits.h"
#include "fuzz/roles/tiny_roles.h"
#include "polyformer/ckks/files/evaluation_key_serialization.h"
#include "polyformer/service/server.h"

namespace {

using namespace polyformer;

struct Files {
    std::vector<std::byte> keys;
    std::vector<std::byte> request;
};

Files edited(fuzz::Program program) {
    const fuzz::TinyRoles& roles = fuzz::tiny_roles();
    const ckks::Parameters& parameters = roles.plan.frame.parameters;
    static const fuzz::Container sound_keys = fuzz::take_apart(roles.key_file);
    static const fuzz::Container sound_request = fuzz::take_apart(roles.request_file);
    fuzz::Container keys = sound_keys;
    fuzz::Container request = sound_request;
    const int edits = program.edits();
    bool keys_changed = false;
    for (int i = 0; i < edits && !program.finished(); ++i) {
        switch (program.byte() % 4) {
            case 0:
                fuzz::edit(program, keys);
                keys_changed = true;
                break;
            case 1:
                fuzz::edit_key(program, parameters, keys);
                keys_changed = true;
                break;
            case 2:
                fuzz::edit(program, request);
                break;
            default:
                fuzz::edit_ciphertext(program, parameters, request);
        }
    }
    return {keys_changed ? fuzz::put_together(keys) : roles.key_file, fuzz::put_together(request)};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const fuzz::TinyRoles& roles = fuzz::tiny_roles();
    const compile::Plan& plan = roles.plan;
    const Files files = edited({data, size});
    const ckks::MemorySource key_source(files.keys);
    std::shared_ptr<const ckks::EvaluationKeys> keys;
    bool wanted = false;
    fuzz::succeeds([&] {
        const ckks::EvaluationKeysReader reader(key_source, plan.frame.parameters);
        wanted = fuzz::succeeds([&] { reader.expect(plan.keys); });
        keys = std::make_shared<const ckks::EvaluationKeys>(reader.read());
        if (keys->shapes().size() < 2 * plan.keys.keys(plan.frame.parameters).size() && !wanted)
            fuzz::use_keys(plan.frame.parameters, keys);
    });
    fuzz::succeeds([&] {
        const ckks::MemorySource request_source(files.request);
        const service::Request request = service::read_request(
            request_source,
            {plan.frame, roles.client.fingerprint, keys ? keys->key_fingerprint : roles.secret.key_fingerprint()});
        if (!keys) return;
        // Whatever is read as a request for this plan runs to its end, if the keys are the plan's; and they alone do.
        const bool ran = fuzz::succeeds([&] { service::infer(plan, keys, request); });
        if (ran != wanted) {
            std::fputs(wanted ? "a sound request failed\n" : "keys that are not the plan's were used\n", stderr);
            std::abort();
        }
    });
    return 0;
}
