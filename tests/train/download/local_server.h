// A web server in the test's own process: one file, and the faults that real ones have.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace polyformer::test {

struct ServerFaults {
    bool ranges = true;              ///< false: answers a range request with the whole file
    int status = 200;                ///< of every answer without a range
    std::size_t breaks = 0;          ///< so many first answers end early,
    std::size_t bytes_to_break = 0;  ///< after so many bytes of the file
};

/// Serves `body` under any path at a free port of 127.0.0.1, one connection after the other.
class LocalServer {
  public:
    explicit LocalServer(std::string body, ServerFaults faults = {});
    ~LocalServer();
    LocalServer(const LocalServer&) = delete;
    LocalServer& operator=(const LocalServer&) = delete;
    LocalServer(LocalServer&&) = delete;
    LocalServer& operator=(LocalServer&&) = delete;

    std::string url(const std::string& name) const;
    /// First byte asked for in each request so far.
    std::vector<std::size_t> requests() const;

  private:
    void serve();
    void answer(int connection);

    std::string body_;
    ServerFaults faults_;
    int listener_ = -1;
    int port_ = 0;
    mutable std::mutex mutex_;
    std::vector<std::size_t> requests_;
    std::thread thread_;
};

}  // namespace polyformer::test
