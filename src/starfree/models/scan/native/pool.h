// Threads of this library alone: PyTorch's own threads and their number are never touched.
#pragma once
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace starfree {

class Pool {
public:
    // Calls job(worker) once for each worker 0 .. workers-1, worker 0 on the calling thread.
    void run(int workers, const std::function<void(int)> &job) {
        if (workers <= 1) return job(0);
        std::lock_guard<std::mutex> one_caller(entrance_);
        grow(workers - 1);
        job_ = &job;
        wanted_ = workers - 1;
        running_.store(started_, std::memory_order_relaxed);  // all answer, also those without work
        {
            std::lock_guard<std::mutex> lock(mutex_);
            round_.fetch_add(1, std::memory_order_release);
        }
        wake_.notify_all();
        job(0);
        for (int spin = 0; running_.load(std::memory_order_acquire); spin++)
            if (spin > SPINS) std::this_thread::yield();
    }

    // A forked child has no worker threads: it starts its own pool.
    static Pool &get() {
        static std::mutex mutex;
        static Pool *pool = nullptr;
        static pid_t owner = 0;
        std::lock_guard<std::mutex> lock(mutex);
        if (!pool || owner != getpid()) {
            pool = new Pool;
            owner = getpid();
        }
        return *pool;
    }

private:
    static constexpr int SPINS = 20000;

    void grow(int count) {
        for (; started_ < count; started_++) {
            int index = started_;
            long seen = round_.load();
            std::thread([this, index, seen] { work(index, seen); }).detach();
        }
    }

    void work(int index, long seen) {
        for (;;) {
            for (int spin = 0; spin < SPINS && round_.load(std::memory_order_acquire) == seen; spin++) {
            }
            if (round_.load(std::memory_order_acquire) == seen) {
                std::unique_lock<std::mutex> lock(mutex_);
                wake_.wait(lock, [&] { return round_.load() != seen; });
            }
            seen = round_.load(std::memory_order_acquire);
            if (index < wanted_) (*job_)(index + 1);
            running_.fetch_sub(1, std::memory_order_release);
        }
    }

    std::mutex entrance_, mutex_;
    std::condition_variable wake_;
    std::atomic<long> round_{0};
    std::atomic<int> running_{0};
    int started_ = 0, wanted_ = 0;
    const std::function<void(int)> *job_ = nullptr;
};

// Calls body(i) for i in 0 .. count-1, the next free worker taking the next i.
template <class F> void parallel_for(int threads, int count, F body) {
    int workers = threads < count ? threads : count;
    if (workers <= 1) {
        for (int i = 0; i < count; i++) body(i, 0);
        return;
    }
    std::atomic<int> next{0};
    Pool::get().run(workers, [&](int worker) {
        for (int i; (i = next.fetch_add(1)) < count;) body(i, worker);
    });
}

}  // namespace starfree
