// Buffers that live as long as their thread: no page is given back to the system between steps.
#pragma once
#include <sys/mman.h>

#include <cstdlib>
#include <new>
#include <vector>

namespace starfree {

class Buffer {
public:
    Buffer() = default;
    Buffer(const Buffer &) = delete;
    Buffer &operator=(const Buffer &) = delete;
    ~Buffer() { std::free(data_); }
    template <class T> T *get(size_t count) {
        size_t bytes = count * sizeof(T);
        if (bytes > size_) {
            std::free(data_);
            const size_t page = bytes >= (1 << 21) ? 1 << 21 : 4096;
            size_ = (bytes + page - 1) / page * page;
            data_ = std::aligned_alloc(page, size_);
            if (!data_) {
                size_ = 0;
                throw std::bad_alloc();
            }
#ifdef MADV_HUGEPAGE
            if (page > 4096) madvise(data_, size_, MADV_HUGEPAGE);
#endif
        }
        return static_cast<T *>(data_);
    }

private:
    void *data_ = nullptr;
    size_t size_ = 0;
};

struct Workspace {
    Buffer weights, sums;
    std::vector<Buffer> workers;
    Buffer &worker(int i) { return workers[i]; }
    void reserve(int count) {
        if ((int)workers.size() < count) workers = std::vector<Buffer>(count);
    }
    static Workspace &get() {
        static thread_local Workspace workspace;
        return workspace;
    }
};

}  // namespace starfree
