# Sourced by scripts that set a merge beside what the disk can do at all.
bytes_of() { stat -c %s "$@" | paste -sd+ | bc; } # FILE…

# One process reads the files while another writes so many bytes, both past the page cache. Fails when either does.
read_and_write() { # TARGET BYTES FILE…
  local target=$1 bytes=$2 file reader; shift 2
  (for file in "$@"; do dd if="$file" of=/dev/null bs=4M iflag=direct status=none; done) & reader=$!
  dd if=/dev/zero of="$target" bs=4M count="$bytes" iflag=count_bytes oflag=direct conv=fsync status=none
  wait "$reader"
}
