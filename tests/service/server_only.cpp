// All that a server does: built in tests/package as well, and the proof that none of it needs a secret key.
#include <cstdio>
#include <exception>

#include "polyformer/compile/plan_files.h"
#include "polyformer/service/server.h"

int main(int argc, char** argv) {
    if (argc != 5) return 2;
    try {
        const polyformer::compile::Plan plan = polyformer::compile::load_plan(argv[1]);
        const auto keys = polyformer::service::load_server_keys(argv[2], plan);
        const auto request = polyformer::service::load_request(argv[3], plan, keys->key_fingerprint);
        polyformer::service::save_reply(argv[4], plan.frame.parameters,
                                        polyformer::service::infer(plan, keys, request).reply);
    } catch (const std::exception& error) {
        std::fputs(error.what(), stderr);
        return 1;
    }
}
