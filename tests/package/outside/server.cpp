// A server of one's own: answers one encrypted request. server PLAN KEYS REQUEST REPLY
#include "polyformer/service/server.h"

#include <cstdio>
#include <exception>

namespace service = polyformer::service;

int main(int argc, char** argv) {
    if (argc != 5) return 2;
    try {
        const auto plan = polyformer::compile::load_plan(argv[1]);
        const auto keys = service::load_server_keys(argv[2], plan);
        const auto request = service::load_request(argv[3], plan.parameters);
        service::save_reply(argv[4], plan.parameters, service::infer(plan, keys, request).reply);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
