#!/bin/sh
# What options do, not only that they are taken: pixels, vectors, rows and files
# differ as they should, and are the same where two ways mean the same. Values
# are sums of made images, or Pillow's (tests/golden/sample).
# shellcheck disable=SC2034,SC2046,SC2059,SC2086
REAP=$(realpath "${REAP:-build/reap}")
. tests/lib.sh
sample=$(realpath tests/golden/sample)
tools=$(realpath "${B:-build}/tests/tools")
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
tap_logs=$tmp/err
export REAP_CACHE="$tmp/cache"
unset REAP_CPU
cd "$tmp" || exit 1

says() { # status, words, reap's arguments
    want=$1 words=$2
    shift 2
    "$REAP" "$@" >out 2>err
    [ $? = "$want" ] && { [ -z "$words" ] || cat out err | grep -q -e "$words"; }
    ok $? "reap $(echo "$*" | sed "s|$sample/images/||") exits $want: $words"
}
image() { # NAME H W GREY...: a PPM of grey pixels
    name=$1 h=$2 w=$3
    shift 3
    { printf 'P6\n%d %d\n255\n' "$w" "$h"
      for v in "$@"; do
          o=$(printf '\\%03o' "$v") && printf "$o$o$o"
      done; } >"$name"
}
flat() { # NAME R G B: 64 x 64 of one colour
    rgb=$(printf '\\%03o\\%03o\\%03o' "$2" "$3" "$4")
    for eighth in 0 1 2 3 4 5 6 7; do printf "$rgb$rgb$rgb$rgb$rgb$rgb$rgb$rgb"; done >row
    for eighth in 0 1 2 3 4 5 6 7; do cat row row row row row row row row; done >rows
    { printf 'P6\n64 64\n255\n' && head -c 12288 rows; } >"$1"
}
data() { # what is in a NumPy file behind its header
    tail -c +257 "$1"
}
shape() { # of p.npy
    head -c 256 p.npy | tr -d ' ' | grep -aoE '\([0-9,]+\)' | tr -d '()'
}
gives() { # shape and grey pixels; reap show's arguments
    want=$1
    shift
    "$REAP" show "$@" --formats all --pixels p.npy >out 2>err
    got="$(shape) $(data p.npy | od -An -v -tu1 -w3 |
        awk '{ print $1 }' | tr '\n' ' ')"
    [ "$got" = "$want " ]
    ok $? "show $*: $got"
}

# Resize, crop, filter: sums that can be done by hand.
image s.ppm 4 4 $(seq 0 10 150)
gives '4,4,3 0 10 20 30 40 50 60 70 80 90 100 110 120 130 140 150' s.ppm --resize none --crop none
gives '2,2,3 50 60 90 100' s.ppm --resize none --crop 2x2
gives '2,4,3 40 50 60 70 80 90 100 110' s.ppm --resize none --crop 2x4
gives '2,2,3 25 45 105 125' s.ppm --resize warp:2x2 --crop none --filter box
gives '2,2,3 50 70 130 150' s.ppm --resize warp:2x2 --crop none --filter nearest
gives '1,4,3 60 70 80 90' s.ppm --resize warp:1x4 --crop none --filter box
image wide.ppm 2 4 0 10 20 30 40 50 60 70
gives '1,2,3 25 45' wide.ppm --resize long:2 --crop none --filter box
gives '2,4,3 0 10 20 30 40 50 60 70' wide.ppm --resize short:2 --crop none
gives '1,2,3 25 45' wide.ppm --resize short:1 --crop none --filter box
for f in bilinear bicubic lanczos box; do
    "$REAP" show $sample/images/rgb.ppm --formats ppm --resize warp:16x16 --crop none \
        --filter $f --pixels p.npy >out 2>err && data p.npy | cksum
done >sums
[ "$(sort -u sums | wc -l)" = 4 ]
ok $? 'each filter has pixels of its own'
"$REAP" show s.ppm --formats ppm --preset torchvision-v1 --input-shape 64,32 --pixels p.npy >out 2>err
[ "$(shape)" = 64,32,3 ]
ok $? '--input-shape is the size of what a network gets'
says 64 'warp:HxW' show s.ppm --resize odd
says 64 'nearest, box' show s.ppm --filter odd
says 64 'HxW or none' show s.ppm --crop odd

# Limits and choices of decoding.
says 66 'too_large' show s.ppm --formats ppm --max-pixels 15
says 0 'status  ok' show s.ppm --formats ppm --max-pixels 16
says 64 'must be 1 or more' show s.ppm --max-pixels 0
says 66 'truncated' show $sample/images/cut60.jpg --on-truncated fail
says 66 'truncated' show $sample/images/cut60.jpg
says 0 'status  ok' show $sample/images/cut60.jpg --on-truncated keep
says 66 'unsupported' show $sample/images/rgb.ppm --formats jpeg,png
says 66 'unsupported' show $sample/images/rgb.ppm
says 64 'did you mean keep' show s.ppm --on-truncated kep
# columns of pixels.tsv: file width height mode rgb upright high_bytes on_white
pillow() { # column, FILE, options: whole images are Pillow's
    column=$1 file=$2
    shift 2
    want=$(awk -F'\t' -v f="$file" -v c="$column" '$1 == f { print $c }' $sample/pixels.tsv)
    "$REAP" show "$sample/images/$file" --resize none --crop none --pixels p.npy "$@" >out 2>err
    [ "${#want}" = 64 ] && [ "$(data p.npy | sha256sum | cut -d' ' -f1)" = "$want" ]
    ok $? "show $file $*: pixels of Pillow"
}
for i in 2 3 4 5 6 7 8; do
    pillow 5 exif$i.jpg
    pillow 5 exif$i.jpg --orient ignore
    pillow 6 exif$i.jpg --orient apply
    cmp -s p.npy before.npy
    [ $? != 0 ]
    ok $? 'which are others than before'
    cp p.npy before.npy
done
for f in grey16.png grey16_dark.png; do
    pillow 5 $f --depth16 clip
    pillow 7 $f --depth16 scale
done
for f in rgb_alpha.png palette_alpha.png alpha.webp; do
    pillow 5 $f --alpha drop
    pillow 8 $f --alpha white
done

# Values: an image and what it is normalised by stand for another image. The
# mean, the deviation and the scale of each channel are its own.
net='-w none --model torchvision/resnet18 --input-shape 64,64 --preset unit --resize none --crop 64x64 --formats ppm --exact'
vector() { # NAME FILE options
    name=$1
    shift
    "$REAP" extract "$@" $net --json 2>err >line
    sed 's/.*"avg":\[//; s/\].*//' line | tr ',' '\n' >"$name"
}
same() { # NAME NAME: within rounding
    paste "$1" "$2" | awk '{ d = $1 - $2; if (d < 0) d = -d
        if ($1 > most) most = $1; if (d > worst) worst = d }
        END { exit !(NR == 512 && most > 0 && worst < 1e-4 * most) }'
}
alike() { # what, NAME NAME
    same "$2" "$3"
    ok $? "$1"
}
differ() {
    ! same "$2" "$3" && [ "$(wc -l <"$3")" = 512 ]
    ok $? "$1"
}
flat a.ppm 10 20 30
flat b.ppm 30 20 10
flat c.ppm 20 40 60
flat d.ppm 60 80 110
vector a a.ppm
vector rgb a.ppm --order rgb
alike '--order rgb is what it is' a rgb
vector b b.ppm
differ 'an image whose channels are the other way round is another' a b
vector bgr a.ppm --order bgr
alike '--order bgr turns them round' b bgr
vector c c.ppm --scale 255
differ 'twice the values are others' a c
vector scaled c.ppm --scale 510
alike '--scale divides them' a scaled
vector divided c.ppm --std 2,2,2
alike 'so does --std' a divided
vector own a.ppm --scale 1 --std 1,2,3
vector tens b.ppm --scale 1 --std 3,2,1
vector ten a.ppm --scale 1 --mean 0,10,20
alike '--std and --mean are of a channel each' own tens
alike '10 10 10 by either' own ten
vector plain a.ppm --scale 1
vector less d.ppm --scale 1 --mean 50,60,80
alike '--mean is taken away' plain less
differ 'before that it was another' a less
says 64 'mean' extract a.ppm $net --mean 1,2
says 64 'std' extract a.ppm $net --std 0,1,1
says 64 'scale' extract a.ppm $net --scale 0
says 64 'rgb or bgr' extract a.ppm $net --order gbr

# Outputs.
vector l2 $sample/images/rgb.ppm --l2
awk '{ s += $1 * $1 } END { exit !(s > 0.99999 && s < 1.00001) }' l2
ok $? '--l2: the length is 1'
says 0 '"max":\[' extract a.ppm $net --features max --json
cp out features
says 0 '"max":\[' extract a.ppm $net --pooling max --json
cmp -s out features
ok $? '--pooling max is short for --features max'
for i in $(seq 1000); do echo "class $i"; done >names
says 0 '  class [0-9]*$' classify a.ppm $net --labels names --top 3
[ "$(grep -c '  class [0-9]*$' out)" = 3 ]
ok $? '--labels gives the names, --top how many'
sed 's/  class \([0-9]*\)$/ \1/; 1d' out | awk '{ exit $3 - $2 != 1 }'
ok $? 'each line of the file is a class, from 0'
head -999 names >short
says 64 '999' classify a.ppm $net --labels short
says 0 'predictions' summary resnet50 --include-top
cp out top
"$REAP" summary resnet50 | cmp -s - top
ok $? '--include-top is what it is'
! "$REAP" summary resnet50 --no-top | grep -q predictions
ok $? '--no-top is not'
says 64 'include-top and --no-top' summary resnet50 --include-top --no-top

# A run.
mkdir photos photos/x photos/y
for i in 1 2 3; do
    flat photos/x/k_$i.ppm ${i}0 70 9
    flat photos/y/l_$i.ppm 9 ${i}0 70
done
"$REAP" import photos --all --output set --quiet >out 2>err
[ -f set/data.mdb ]
ok $? 'import --output names the dataset'
run="$net --quiet"
says 0 '' extract set $run --output f32 --label-from folder
says 0 '' extract set $run --output f16 --label-from prefix --store-as f16
says 0 '' export f32 --output f32.npy
says 0 '' export f16 --output f16.npy
values() { data "$1" | od -An -v -tf4 -w4; }
values f32.npy >v32 && values f16.npy >v16
paste v32 v16 | awk '{ d = $1 - $2; if (d < 0) d = -d; x = $1 < 0 ? -$1 : $1
    if (d > x / 2048 + 3e-8) bad++; if (d > 0) other++ }
    END { exit !(NR == 6 * 512 && !bad && other > 100) }'
ok $? '--store-as f16 keeps 11 bits of a number'
says 78 'f16' extract set $run --output f32 --store-as f16
says 0 '' export f32 -o f32.csv
says 0 '' export f16 -o f16.csv
[ "$(cut -d, -f4 f32.csv | sed 1d | sort | uniq -c | tr -s ' \n' ' ')" = ' 3 x 3 y ' ]
ok $? '--label-from folder takes the first folder'
[ "$(cut -d, -f4 f16.csv | sed 1d | sort | uniq -c | tr -s ' \n' ' ')" = ' 3 x/k 3 y/l ' ]
ok $? '--label-from prefix takes what is before the first _'
says 78 'fp32-direct' extract set ${run%--exact*} --quiet --output f32 --label-from folder

# An image that changed: no run goes on without a word.
sleep 0.01
flat photos/x/k_2.ppm 200 200 1
"$REAP" import photos --all -o set --quiet >out 2>err
run="$run --label-from folder"
says 78 '--changed' extract set $run -o f32
"$REAP" extract set $net --label-from folder --changed -o f32 >out 2>err
grep -q 'redoing 1 row of changed images' err && grep -q 'this run:  1 image' out
ok $? '--changed does the one that changed again'
"$REAP" export f32 -o new.npy >out 2>err && values new.npy >vnew
[ "$(paste -d' ' v32 vnew | awk '{ row = int((NR - 1) / 512)
    if ($1 != $2) d[row] = 1 } END { for (r in d) print r }')" = 1 ]
ok $? 'and no other row'
mv set moved
says 0 'each of 6 keys' verify f32 --dataset moved
says 0 'keys cannot be compared' verify f32


# Where images are decoded: the pixels are the same, the processes are not.
for where in on off auto; do
    "$REAP" show $sample/images/cmyk.jpg --sandbox $where --decode-time 60 \
        --pixels $where.npy >out 2>err
    ok $? "--sandbox $where"
done
cmp -s on.npy off.npy && cmp -s on.npy auto.npy
ok $? 'pixels do not depend on it'
says 64 'at least 1' show $sample/images/cmyk.jpg --decode-time 0
children() { # --sandbox on|off: the most processes below that of a run
    REAP_CPU=ref "$REAP" extract moved -w none --model torchvision/resnet18 --limit 1 \
        --formats ppm -o "children-$1" --sandbox $1 --threads 1 >out 2>err &
    pid=$! most=0
    while kill -0 $pid 2>/dev/null; do
        now=$(cat /proc/$pid/task/*/children 2>/dev/null | wc -w)
        [ "$now" -le $most ] || most=$now
        sleep 0.02
    done
    wait $pid && echo $most
}
if [ -e /proc/self/task/$$/children ] || [ -e /proc/$$/task/$$/children ]; then
    [ "$(children on)" -ge 1 ]
    ok $? '--sandbox on: there are children'
    [ "$(children off)" = 0 ]
    ok $? '--sandbox off: there are none'
else
    skip 'children of --sandbox' 'this kernel does not list them'
fi
says 0 '^time of all threads' extract moved $net -o v --verbose
"$REAP" extract moved $net -o w >out 2>err && ! grep -q '^time of all threads' out
ok $? 'without --verbose nobody hears where the time went'

# Packed weights are kept for the next start, unless nobody wants them.
"$tools/make_weights" torchvision/resnet18 1 w.safetensors
kept() { find cache -type f 2>/dev/null | wc -l; }
by="extract a.ppm --formats ppm -w w.safetensors"
says 0 'avg' $by --no-cache
[ "$(kept)" = 0 ]
ok $? '--no-cache keeps no packed weights'
says 0 'avg' $by
[ "$(kept)" -gt 0 ]
ok $? "without it they are kept: $(kept)"
find cache -type f -exec sh -c ': >"$1"' - {} \;
says 0 'avg' $by --no-cache
[ "$(find cache -type f -size +0 | wc -l)" = 0 ]
ok $? '--no-cache leaves what is kept alone'

# Weights by http can be changed on their way.
cat >server.pl <<'EOF'
use IO::Socket::INET;
my $s = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1") or die;
open my $f, "<", "w.safetensors" or die;
binmode $f;
local $/;
my $all = <$f>;
open my $p, ">", "port.new" or die;
print $p $s->sockport;
close $p;
rename "port.new", "port";
local $SIG{PIPE} = "IGNORE";
alarm 300;
while (my $c = $s->accept) {
    sysread $c, my $request, 65536;
    print $c "HTTP/1.0 200 OK\r\nContent-Length: ", length $all, "\r\n\r\n", $all;
    close $c;
}
EOF
perl server.pl &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$tmp"' EXIT
while [ ! -s port ] && kill -0 $server 2>/dev/null; do sleep 0.05; done
url=http://127.0.0.1:$(cat port)/w.safetensors
unset http_proxy HTTP_PROXY all_proxy ALL_PROXY
export no_proxy=127.0.0.1
says 64 'say --insecure' weights $url
says 0 'resnet18' weights $url --insecure

# Progress into a file, where it is asked for.
says 0 'of 6 images' extract moved $net -o p1 --progress
! grep -q "$(printf '[\r\033]')" err
ok $? 'in lines of their own'
"$REAP" extract moved $net -o p2 >out 2>err
! grep -q 'of 6 images' err
ok $? 'without --progress a short run shows none'
"$REAP" extract moved $net -o p3 --progress --quiet >out 2>err
[ ! -s err ] && [ ! -s out ]
ok $? 'nor does one with --quiet'
says 0 'usage: reap info' info set --help
tap_done
