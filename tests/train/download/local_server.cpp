#include "tests/train/download/local_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

namespace polyformer::test {
namespace {

void send_all(int connection, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count <= 0) return;  // the client has had enough
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
}

}  // namespace

LocalServer::LocalServer(std::string body, ServerFaults faults) : body_(std::move(body)), faults_(faults) {
    setenv("no_proxy", "127.0.0.1", 1);  // NOLINT(concurrency-mt-unsafe): no thread yet
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    socklen_t length = sizeof(address);
    if (::bind(listener_, generic, length) != 0 || ::listen(listener_, 8) != 0 ||
        ::getsockname(listener_, generic, &length) != 0) {
        throw std::runtime_error("no port for the test's server");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
}

LocalServer::~LocalServer() {
    ::shutdown(listener_, SHUT_RDWR);  // wakes accept()
    thread_.join();
    ::close(listener_);
}

std::string LocalServer::url(const std::string& name) const {
    return fmt::format("http://127.0.0.1:{}/{}", port_, name);
}

std::vector<std::size_t> LocalServer::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

void LocalServer::serve() {
    for (int connection = 0; (connection = ::accept(listener_, nullptr, nullptr)) >= 0;) {
        answer(connection);
        ::shutdown(connection, SHUT_RDWR);
        ::close(connection);
    }
}

void LocalServer::answer(int connection) {
    std::string request;
    std::array<char, 4096> block{};
    while (request.find("\r\n\r\n") == std::string::npos) {
        const ssize_t count = ::recv(connection, block.data(), block.size(), 0);
        if (count <= 0) return;
        request.append(block.data(), static_cast<std::size_t>(count));
    }
    constexpr std::string_view range_field = "Range: bytes=";
    const std::size_t range = request.find(range_field);
    const std::size_t start = range == std::string::npos ? 0 : std::stoul(request.substr(range + range_field.size()));
    std::size_t number = 0;
    {
        const std::lock_guard lock(mutex_);
        requests_.push_back(start);
        number = requests_.size();
    }
    const bool partial = start > 0 && faults_.ranges;
    if (partial && start >= body_.size()) {
        const std::string page = "<html>no such range</html>";
        send_all(connection, fmt::format("HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */{}\r\n"
                                         "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
                                         body_.size(), page.size(), page));
        return;
    }
    std::string_view rest = body_;
    if (partial) rest.remove_prefix(start);
    std::string head = fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\nConnection: close\r\n",
                                   partial ? 206 : faults_.status, rest.size());
    if (partial) head += fmt::format("Content-Range: bytes {}-{}/{}\r\n", start, body_.size() - 1, body_.size());
    send_all(connection, head + "\r\n");
    if (number <= faults_.breaks) rest = rest.substr(0, std::min(rest.size(), faults_.bytes_to_break));
    send_all(connection, rest);
}

}  // namespace polyformer::test
