#!/bin/bash
# Brings the database of a line up on its machine: attaches and mounts its volume, makes what lacks, starts the
# server. Runs at every boot, and by hand after the secret's password was changed; doing it again changes nothing.
#
# Given in the environment: REGION, VOLUME (id), VOLUME_TAG (Key=…,Value=…), SECRET (ARN), IMAGE (with registry), HOST_NAME, GATHERER, LOG_GROUP,
# METRICS_NAMESPACE.
set -euo pipefail

: "${REGION:?}" "${VOLUME:?}" "${VOLUME_TAG:?}" "${SECRET:?}" "${IMAGE:?}" "${HOST_NAME:?}" "${GATHERER:?}" "${LOG_GROUP:?}" "${METRICS_NAMESPACE:?}"
DATA=${DATA:-/var/lib/line-database}
RUN=${RUN:-/run/line-database}
UNITS=${UNITS:-/etc/systemd/system}
DEVICES=${DEVICES:-/dev/disk/by-id}
MEMORY=${MEMORY:-/proc/meminfo}
METADATA=${METADATA:-http://169.254.169.254/latest}
PAUSE=${PAUSE:-5}

# The account of the server in its image.
OWNER=70
DATABASE=tape

say() { echo "line-database: $*"; }

install_programs() {
  command -v docker >/dev/null && command -v jq >/dev/null && return
  until dnf install --quiet --assumeyes docker jq; do sleep "$PAUSE"; done
}

# The volume may still belong to the machine that this one replaces: wait until that one is gone. A name may still be
# taken by the volume that this one replaces; which name it is does not matter, the device is found by the volume's id.
attach_volume() {
  local token instance letters=fghijklmnop attempt=0
  device="$DEVICES/nvme-Amazon_Elastic_Block_Store_${VOLUME/-/}"
  [ -e "$device" ] && return
  token=$(curl --silent --fail --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$METADATA/api/token")
  instance=$(curl --silent --fail --header "X-aws-ec2-metadata-token: $token" "$METADATA/meta-data/instance-id")
  until [ -e "$device" ]; do
    aws ec2 attach-volume --region "$REGION" --volume-id "$VOLUME" --instance-id "$instance" \
      --device "/dev/sd${letters:attempt++ % ${#letters}:1}" >/dev/null ||
      say "$VOLUME is not free yet"
    sleep "$PAUSE"
  done
}

# By the tag, snapshots are made of it: a volume that was made from a snapshot has none by itself.
tag_volume() {
  aws ec2 create-tags --region "$REGION" --resources "$VOLUME" --tags "$VOLUME_TAG" ||
    say "$VOLUME has no tag: there may be no snapshots of it"
}

# blkid ends with 2 only when the device was read and nothing was found on it. Anything else is not an empty volume.
format_if_empty() {
  local found=0
  blkid --probe "$device" >/dev/null || found=$?
  case $found in
    0) ;;
    2) say "$VOLUME is empty: making a file system" && mkfs.xfs -q "$device" ;;
    *) say "$VOLUME cannot be read (blkid: $found)" && exit 1 ;;
  esac
}

mount_volume() {
  mkdir -p "$DATA"
  mountpoint --quiet "$DATA" || mount -o noatime "$device" "$DATA"
  # It may have been made larger.
  xfs_growfs -d "$DATA" >/dev/null
  mkdir -p "$DATA/pgdata" "$DATA/authority"
  chown "$OWNER:$OWNER" "$DATA/pgdata"
  chmod 700 "$DATA/pgdata" "$DATA/authority"
}

# The authority stays on the volume, so that clients trust whichever machine the volume is on.
make_certificates() {
  local authority="$DATA/authority"
  if [ ! -s "$authority/ca.crt" ]; then
    openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days 7300 \
      -subj "/CN=prediction-tape line $GATHERER" -addext 'basicConstraints=critical,CA:TRUE,pathlen:0' \
      -addext 'keyUsage=critical,keyCertSign' -keyout "$authority/ca.key" -out "$authority/ca.crt.new"
    mv "$authority/ca.crt.new" "$authority/ca.crt"
  fi
  [ -s "$RUN/server.crt" ] && return
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -subj "/CN=$HOST_NAME" \
    -addext "subjectAltName=DNS:$HOST_NAME" -addext 'extendedKeyUsage=serverAuth' \
    -keyout "$RUN/server.key" -out "$RUN/server.csr"
  openssl x509 -req -in "$RUN/server.csr" -CA "$authority/ca.crt" -CAkey "$authority/ca.key" -sha256 -days 3650 \
    -copy_extensions copy -out "$RUN/server.crt.new"
  chown "$OWNER:$OWNER" "$RUN/server.key"
  chmod 400 "$RUN/server.key"
  mv "$RUN/server.crt.new" "$RUN/server.crt"
}

# Clients learn from the secret whom to trust; the server learns its password from it.
exchange_secret() {
  local secret
  secret=$(aws secretsmanager get-secret-value --region "$REGION" --secret-id "$SECRET" --query SecretString --output text)
  (umask 077 && jq --raw-output --join-output .password <<<"$secret" >"$RUN/password.new")
  chown "$OWNER:$OWNER" "$RUN/password.new"
  chmod 400 "$RUN/password.new"
  mv --force "$RUN/password.new" "$RUN/password"
  if [ "$(jq --raw-output '.ca // ""' <<<"$secret")" != "$(cat "$DATA/authority/ca.crt")" ]; then
    (umask 077 && jq --rawfile ca "$DATA/authority/ca.crt" '.ca = ($ca | rtrimstr("\n"))' <<<"$secret" >"$RUN/secret")
    aws secretsmanager put-secret-value --region "$REGION" --secret-id "$SECRET" --secret-string "file://$RUN/secret" >/dev/null
    rm "$RUN/secret"
    say 'the secret now names the authority'
  fi
}

fetch_image() {
  systemctl start docker
  docker image inspect "$IMAGE" >/dev/null 2>&1 && return
  aws ecr get-login-password --region "$REGION" | docker login --username AWS --password-stdin "${IMAGE%%/*}"
  docker pull --quiet "$IMAGE"
}

# A quarter of the memory for the server's own cache, the rest for that of the system.
write_units() {
  local mebibytes
  mebibytes=$(awk '/^MemTotal:/ { print int($2 / 1024) }' "$MEMORY")
  cat >"$RUN/line-database.service" <<UNIT
[Unit]
Description=Database of line $GATHERER
Requires=docker.service
After=docker.service
# Without its volume it would begin an empty database beside it. So it is started by this script only, not at boot.
ConditionPathIsMountPoint=$DATA

[Service]
Restart=always
RestartSec=5
TimeoutStopSec=130
ExecStartPre=-/usr/bin/docker rm --force line-database
ExecStart=/usr/bin/docker run --rm --name line-database \\
  --read-only --tmpfs /tmp --tmpfs /var/run/postgresql:uid=$OWNER,gid=$OWNER,mode=0775 \\
  --cap-drop ALL --security-opt no-new-privileges --shm-size 1g --stop-signal SIGINT --stop-timeout 120 \\
  --publish 5432:5432 \\
  --mount type=bind,source=$DATA/pgdata,target=/var/lib/postgresql/data \\
  --mount type=bind,source=$RUN,target=/run/line-database,readonly \\
  --log-driver awslogs --log-opt awslogs-region=$REGION --log-opt awslogs-group=$LOG_GROUP \\
  --log-opt awslogs-stream=server --log-opt mode=non-blocking \\
  $IMAGE postgres -c config_file=/etc/prediction-tape/postgresql.conf \\
  -c shared_buffers=$((mebibytes / 4))MB -c effective_cache_size=$((mebibytes * 5 / 8))MB \\
  -c maintenance_work_mem=$((mebibytes / 16))MB
ExecStop=/usr/bin/docker stop line-database
UNIT
  cat >"$RUN/line-database-volume.service" <<UNIT
[Unit]
Description=How full the volume of line $GATHERER is

[Service]
Type=oneshot
ExecStart=/bin/sh -c 'aws cloudwatch put-metric-data --region $REGION --namespace $METRICS_NAMESPACE --metric-name line_database_volume_used --dimensions gatherer=$GATHERER --unit Percent --value "\$(df --output=pcent $DATA | tail -n 1 | tr -dc 0-9)"'
UNIT
  cat >"$RUN/line-database-volume.timer" <<UNIT
[Timer]
OnBootSec=1min
OnUnitActiveSec=5min

[Install]
WantedBy=timers.target
UNIT
}

# Started anew only when how it is to be started has changed.
start_server() {
  local unit changed=false
  for unit in line-database.service line-database-volume.service line-database-volume.timer; do
    cmp --silent "$RUN/$unit" "$UNITS/$unit" && continue
    mv "$RUN/$unit" "$UNITS/$unit"
    if [ "$unit" = line-database.service ]; then changed=true; fi
  done
  systemctl daemon-reload
  systemctl enable --now line-database-volume.timer
  if $changed; then systemctl restart line-database.service; else systemctl start line-database.service; fi
}

# The password is that of the secret, also after it was changed there.
apply_password() {
  until docker exec line-database pg_isready --quiet --username="$DATABASE" --dbname="$DATABASE"; do sleep "$PAUSE"; done
  docker exec --interactive line-database psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 \
    --username="$DATABASE" --dbname="$DATABASE" <<'SQL'
\set password `cat /run/line-database/password`
ALTER ROLE tape PASSWORD :'password';
SQL
  say 'ready'
}

mkdir -p "$RUN"
chmod 755 "$RUN"
install_programs
attach_volume
tag_volume
format_if_empty
mount_volume
make_certificates
exchange_secret
fetch_image
write_units
start_server
apply_password
